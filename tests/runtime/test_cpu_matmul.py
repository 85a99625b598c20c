"""Matrix products on a CPU: the same figures as torch's own, and only where they may stand in for them."""

import pytest
import torch
import torch.nn.functional as F
from indextts2_multitalk.runtime import cpu_matmul
from indextts2_multitalk.runtime.cpu_matmul import use_fastest_matmul

CPU = torch.device("cpu")
needs_onednn = pytest.mark.skipif(
    not cpu_matmul.is_onednn_usable(), reason="this torch has no oneDNN for this processor"
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each product on oneDNN, on a processor that gains by it."""
    monkeypatch.setattr(cpu_matmul, "runs_mkl_at_full_speed", lambda: False)
    cpu_matmul.is_onednn_usable()  # tries one itself, the first time
    seen: list[int] = []
    real = cpu_matmul.onednn_linear
    monkeypatch.setattr(cpu_matmul, "onednn_linear", lambda *tensors: (seen.append(1), real(*tensors))[1])
    return seen


@needs_onednn
@pytest.mark.parametrize("rows", [(1,), (3,), (2, 5), (129,)])
@pytest.mark.parametrize("biased", [False, True])
@torch.inference_mode()
def test_products_are_the_same(rows: tuple[int, ...], biased: bool, calls: list[int]) -> None:
    x, layer = torch.randn(*rows, 33), torch.nn.Linear(33, 17, bias=biased)
    expected = layer(x)
    with use_fastest_matmul(CPU):
        torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-5)
    assert calls


@needs_onednn
@torch.inference_mode()
def test_rows_apart_are_the_same(calls: list[int]) -> None:
    x, weight = torch.randn(7, 40)[:, 8:24], torch.randn(5, 16)
    with use_fastest_matmul(CPU):
        torch.testing.assert_close(F.linear(x, weight), x @ weight.T, atol=1e-5, rtol=1e-5)
    assert calls


def test_what_onednn_may_not_do_stays_with_torch(calls: list[int]) -> None:
    x, weight = torch.randn(4, 8), torch.randn(6, 8)
    with use_fastest_matmul(CPU):
        F.linear(x, weight.requires_grad_()).sum().backward()
        with torch.inference_mode():
            F.linear(x.double(), weight.double())
            F.linear(x, torch.randn(6, 16)[:, 8:])
            assert F.linear(x[:0], weight).shape == (0, 6)
    assert weight.grad is not None
    assert not calls


def test_other_devices_are_left_alone(calls: list[int]) -> None:
    with torch.inference_mode(), use_fastest_matmul(torch.device("meta")):
        F.linear(torch.randn(4, 8), torch.randn(6, 8))
    assert not calls


def test_where_mkl_is_fast_products_stay_with_it(monkeypatch: pytest.MonkeyPatch, calls: list[int]) -> None:
    monkeypatch.setattr(cpu_matmul, "runs_mkl_at_full_speed", lambda: True)
    with torch.inference_mode(), use_fastest_matmul(CPU):
        F.linear(torch.randn(4, 8), torch.randn(6, 8))
    assert not calls


def test_a_torch_without_it_runs_as_it_is(monkeypatch: pytest.MonkeyPatch, calls: list[int]) -> None:
    monkeypatch.setattr(cpu_matmul, "is_onednn_usable", lambda: False)
    with torch.inference_mode(), use_fastest_matmul(CPU):
        F.linear(torch.randn(4, 8), torch.randn(6, 8))
    assert not calls


def test_a_torch_that_changed_the_operation_runs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(*_: object) -> None:
        raise TypeError("_linear_pointwise() takes 7 arguments")

    cpu_matmul.is_onednn_usable.cache_clear()
    monkeypatch.setattr(cpu_matmul, "onednn_linear", changed)
    assert not cpu_matmul.is_onednn_usable()
    cpu_matmul.is_onednn_usable.cache_clear()


def test_a_compiler_makes_its_own_products(monkeypatch: pytest.MonkeyPatch, calls: list[int]) -> None:
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    with torch.inference_mode(), use_fastest_matmul(CPU):
        F.linear(torch.randn(4, 8), torch.randn(6, 8))
    assert not calls

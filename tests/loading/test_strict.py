"""Strict loading names file, tensor, got and expected, and holds nothing twice."""

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from indextts2_multitalk.indextts.errors import CheckpointError
from indextts2_multitalk.indextts.loading.strict import load_strict
from torch import nn

FILE = Path("folder/gpt.pth")


class Small(nn.Module):
    steps: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))


def small_state() -> dict[str, torch.Tensor]:
    return {
        "linear.weight": torch.randn(3, 4, dtype=torch.float64),
        "linear.bias": torch.randn(3),
        "steps": torch.tensor(5),
    }


def test_loads_and_converts() -> None:
    state = small_state()
    weight = state["linear.weight"]
    module = load_strict(Small, state, file=FILE, dtype=torch.bfloat16)
    assert torch.equal(module.linear.weight, weight.bfloat16())
    assert module.linear.bias.dtype == torch.bfloat16
    assert module.steps.item() == 5
    assert module.steps.dtype == torch.int64
    assert not module.training
    assert not any(p.requires_grad for p in module.parameters())


def test_shares_what_needs_no_conversion() -> None:
    state = small_state()
    bias = state["linear.bias"]
    module = load_strict(Small, state, file=FILE)
    assert module.linear.bias.data_ptr() == bias.data_ptr()
    assert state == {}


def test_transposed_views_become_contiguous() -> None:
    state = small_state() | {"linear.weight": torch.randn(4, 3).T}
    assert load_strict(Small, state, file=FILE).linear.weight.is_contiguous()


def test_ignored_are_skipped_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    state = small_state() | {"head.weight": torch.ones(1), "head.bias": torch.ones(1)}
    with caplog.at_level(logging.INFO, logger="indextts2_multitalk"):
        load_strict(Small, state, file=FILE, ignored=("head.*", "wte.*"))
    assert [record.message for record in caplog.records] == [
        "gpt.pth: skipped tensors that inference does not use: 2 head.*"
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"linear.bias": None}, "linear.bias: missing, expected [3]"),
        ({"linear.weight": torch.zeros(4, 4)}, "linear.weight: got [4, 4], expected [3, 4]"),
    ],
)
def test_errors_name_tensor_got_expected_and_file(change: dict, words: str) -> None:
    state = {name: tensor for name, tensor in (small_state() | change).items() if tensor is not None}
    with pytest.raises(CheckpointError, match=re.escape(words)) as error:
        load_strict(Small, state, file=FILE)
    assert str(FILE) in str(error.value)
    assert "indextts2 fetch" in str(error.value)


def test_many_errors_are_counted() -> None:
    with pytest.raises(CheckpointError, match=r"\(and 14 more\)"):
        load_strict(lambda: nn.Sequential(*(nn.Linear(1, 1) for _ in range(10))), {}, file=FILE)


def test_unknown_tensors_are_skipped_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    state = small_state() | {f"extra{n}": torch.zeros(1) for n in range(20)}
    bias = state["linear.bias"]
    assert torch.equal(load_strict(Small, state, file=FILE).linear.bias, bias)
    (warning,) = caplog.messages
    assert warning.endswith(
        "gpt.pth: skipped 20 tensors not known here: extra0, extra1, extra2, extra3, extra4, extra5 and 14 more"
    )


def test_rename_that_misses_a_tensor() -> None:
    def rename(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"linear.weight": state["linear.weight_g"] * state["linear.weight_v"]}

    with pytest.raises(CheckpointError, match=r"linear.weight_g: missing"):
        load_strict(Small, small_state(), file=FILE, rename=rename)


def test_rename_of_tensors_that_do_not_fit() -> None:
    def rename(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"linear.weight": state["linear.weight"] @ state["linear.weight"]}

    with pytest.raises(CheckpointError, match="do not fit together"):
        load_strict(Small, small_state(), file=FILE, rename=rename)


def test_no_gradient_is_kept() -> None:
    state = small_state() | {"linear.bias": torch.randn(3, requires_grad=True)}
    module = load_strict(Small, state, file=FILE, dtype=torch.float16)
    assert module.linear.bias.grad_fn is None
    assert not module.linear.bias.requires_grad


def test_whoever_listens_may_cancel_and_hears_of_every_tensor() -> None:
    heard: list[float] = []

    def stop(share: float) -> None:
        heard.append(share)
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_strict(Small, small_state(), file=FILE, on_share=stop)
    assert heard == [1 / 3, 2 / 3]


def test_no_first_values_are_drawn() -> None:
    """torch draws on meta in Python and imports its compiler for it; so in a process that has not."""
    code = (
        "import sys, torch; from pathlib import Path; from torch import nn\n"
        "from indextts2_multitalk.indextts.loading.strict import load_strict\n"
        "module = load_strict(lambda: nn.Embedding(4, 3), {'weight': torch.ones(4, 3)}, file=Path('x'))\n"
        "assert torch.equal(module.weight, torch.ones(4, 3))\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr

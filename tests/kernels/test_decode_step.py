"""A whole step out of fused kernels equals the plain one, in every number of rows the kernels tell apart."""

from collections.abc import Callable

import pytest
import torch

triton = pytest.importorskip("triton")
from helpers.kernel_decoder import HEADS, VOCABULARY, WIDTH, weights  # noqa: E402
from helpers.kernels import DEVICE, MARKS, multiplies, normal  # noqa: E402
from helpers.quantized import quantized  # noqa: E402
from indextts2_multitalk.accel import quantization  # noqa: E402
from indextts2_multitalk.accel.attention.sdpa import SdpaAttention  # noqa: E402
from indextts2_multitalk.accel.cache.paged_cache import PagedCache  # noqa: E402
from indextts2_multitalk.accel.kernels import decode_step  # noqa: E402
from indextts2_multitalk.accel.kernels.decode_step import DecodeStep, why_unsupported  # noqa: E402
from indextts2_multitalk.accel.runners.torch_runner import TorchRunner  # noqa: E402
from indextts2_multitalk.accel.state import DecodeState  # noqa: E402
from indextts2_multitalk.accel.weights import DecoderWeights  # noqa: E402

pytestmark = MARKS
PAGE = 4


def filled(lanes: int, beams: int) -> DecodeState:
    """Lanes of different lengths, each row with three pages of its own."""
    state = DecodeState.allocate(lanes, beams, VOCABULARY, 3, 9, DEVICE)
    rows = lanes * beams
    state.lanes.finished.fill_(False)
    state.lanes.steps.copy_(torch.arange(lanes) % 7 + 1)
    state.rows.tokens.copy_(torch.arange(rows) * 5 % VOCABULARY)
    state.rows.lengths.copy_((torch.arange(rows) * 3) % 11)
    state.rows.block_tables.copy_(torch.arange(3 * rows).flip(0).view(rows, 3) + 1)
    return state


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("lanes", "beams", "final_norms"), [(1, 3, 1), (2, 3, 2)])
def test_a_step_is_the_plain_step(dtype, lanes, beams, final_norms):
    if lanes * beams > 4:
        multiplies(dtype)
    is_the_plain_step(dtype, lanes, beams, final_norms)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("lanes", [1, 2])
def test_a_step_of_8_bits_is_the_plain_one(dtype, lanes, monkeypatch):
    monkeypatch.setattr(quantization, "multiplies_int8", lambda: False)
    is_the_plain_step(dtype, lanes, beams=3, final_norms=2, prepare=quantized)


def is_the_plain_step(
    dtype: torch.dtype,
    lanes: int,
    beams: int,
    final_norms: int,
    prepare: Callable[[DecoderWeights], DecoderWeights] = lambda decoder: decoder,
) -> None:
    decoder, state = prepare(weights(dtype, final_norms)), filled(lanes, beams)
    assert why_unsupported(decoder) is None
    caches = []
    for _ in range(2):
        layers, pages = len(decoder.layers), 3 * lanes * beams + 1
        cache = PagedCache.allocate(layers, pages, PAGE, HEADS, WIDTH // HEADS, dtype, DEVICE)
        cache.keys.copy_(normal(*cache.keys.shape, seed=5))
        cache.values.copy_(normal(*cache.values.shape, seed=6))
        caches.append(cache)
    actual = DecodeStep(decoder, caches[0], state)()
    expected = TorchRunner(decoder, caches[1], SdpaAttention()).decode_logits(state)
    tolerance = 1e-5 if dtype is torch.float32 else 1e-2 if dtype is torch.float16 else 5e-2
    assert ((actual - expected).norm() / expected.norm()).item() < tolerance
    for one, other in zip(vars(caches[0]).values(), vars(caches[1]).values(), strict=True):
        assert ((one.float() - other.float()).norm() / other.float().norm()).item() < tolerance


def test_one_row_takes_one_launch_where_that_suits(monkeypatch):
    monkeypatch.setattr(decode_step, "prefers_megakernel", lambda decoder: True)
    monkeypatch.setattr(DecodeStep, "_run_gemv_layers", None)
    is_the_plain_step(torch.float16, 1, 1, 2)


def test_one_launch_that_does_not_run_is_left_with_a_word(monkeypatch, caplog):
    def refuse(self):
        raise RuntimeError("too many blocks in cooperative launch")

    monkeypatch.setattr(decode_step, "prefers_megakernel", lambda decoder: True)
    monkeypatch.setattr(decode_step.PersistentStep, "__call__", refuse)
    is_the_plain_step(torch.float32, 1, 1, 1)
    assert "too many blocks in cooperative launch" in caplog.text


@pytest.mark.parametrize(("version", "refused"), [("3.3.1", True), ("3.4.0", False), ("3.10.0+git12", False)])
def test_an_older_triton_is_named(monkeypatch, version, refused):
    monkeypatch.setattr(decode_step.triton, "__version__", version)
    reason = why_unsupported(weights(torch.float32, 1))
    assert (reason == f"the kernels need Triton 3.4 or newer, got {version}") if refused else reason is None

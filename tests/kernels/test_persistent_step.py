"""One launch a step equals the plain step, also where its programs have to wait for each other's words."""

import pytest
import torch

triton = pytest.importorskip("triton")
from helpers.kernel_decoder import HEADS, VOCABULARY, WIDTH, weights  # noqa: E402
from helpers.kernels import DEVICE, MARKS, normal  # noqa: E402
from helpers.quantized import quantized  # noqa: E402
from indextts2_multitalk.accel import quantization  # noqa: E402
from indextts2_multitalk.accel.attention.sdpa import SdpaAttention  # noqa: E402
from indextts2_multitalk.accel.cache.paged_cache import PagedCache  # noqa: E402
from indextts2_multitalk.accel.kernels.persistent.mailbox import mailbox_wait_ptx  # noqa: E402
from indextts2_multitalk.accel.kernels.persistent.step import (  # noqa: E402
    MEGAKERNEL,
    MegakernelShape,
    MegakernelSize,
    PersistentStep,
    count_matrix_programs,
    prefers_megakernel,
)
from indextts2_multitalk.accel.runners.torch_runner import TorchRunner  # noqa: E402
from indextts2_multitalk.accel.state import DecodeState  # noqa: E402

pytestmark = MARKS
PAGE, COLUMNS = 4, 6
TOLERANCE = {torch.float32: 1e-5, torch.float16: 1e-2, torch.bfloat16: 5e-2}
SHAPES = {
    "as it would be": None,
    "small tiles": MegakernelShape(programs=6, matrix_programs=4, tile=4, stages=2, tokens=16, resident=1),
    "few programs": MegakernelShape(programs=2, matrix_programs=1, tile=16, stages=3, tokens=16, resident=2),
}


def one_row(cached: int) -> DecodeState:
    """One row in the middle of its sequence."""
    state = DecodeState.allocate(1, 1, VOCABULARY, COLUMNS, 9, DEVICE)
    state.lanes.finished.fill_(False)
    state.rows.lengths.fill_(cached)
    state.rows.block_tables.copy_(torch.arange(COLUMNS).flip(0)[None] + 1)
    return state


def caches(dtype: torch.dtype) -> list[PagedCache]:
    both = [PagedCache.allocate(2, COLUMNS + 1, PAGE, HEADS, WIDTH // HEADS, dtype, DEVICE) for _ in range(2)]
    for cache in both:
        cache.keys.copy_(normal(*cache.keys.shape, seed=5))
        cache.values.copy_(normal(*cache.values.shape, seed=6))
    return both


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return ((one.float() - other.float()).norm() / other.float().norm()).item()


@pytest.mark.parametrize(
    ("shape", "cached", "final_norms", "dtype"),
    [
        ("as it would be", 0, 2, torch.float32),
        ("as it would be", 0, 2, torch.float16),
        ("as it would be", 0, 2, torch.bfloat16),
        ("small tiles", 17, 1, torch.float32),
        ("few programs", 17, 2, torch.float16),
    ],
)
def test_steps_in_a_row_are_the_plain_ones(shape, cached, final_norms, dtype):
    """Two: words of the step before still lie there, and must not be taken for new ones."""
    decoder, state, (mine, plain) = weights(dtype, final_norms), one_row(cached), caches(dtype)
    logits = torch.full((1, VOCABULARY), float("nan"), device=DEVICE)
    step, expected = (
        PersistentStep(decoder, mine, state, logits, SHAPES[shape]),
        TorchRunner(decoder, plain, SdpaAttention()),
    )
    for number in range(2):
        state.rows.tokens.fill_(5 * number + 2)
        state.lanes.steps.fill_(number + 1)
        state.rows.lengths.fill_(cached + number)
        actual = step().clone()
        assert apart(actual, expected.decode_logits(state)) < TOLERANCE[dtype]
        state.rows.lengths.fill_(cached + number)
    assert apart(mine.keys, plain.keys) < TOLERANCE[dtype]
    assert apart(mine.values, plain.values) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_step_of_8_bits_is_the_plain_one(dtype, monkeypatch):
    monkeypatch.setattr(quantization, "multiplies_int8", lambda: False)
    decoder, state, (mine, plain) = quantized(weights(dtype, 2)), one_row(9), caches(dtype)
    logits = torch.full((1, VOCABULARY), float("nan"), device=DEVICE)
    actual = PersistentStep(decoder, mine, state, logits, SHAPES["small tiles"])().clone()
    assert apart(actual, TorchRunner(decoder, plain, SdpaAttention()).decode_logits(state)) < TOLERANCE[dtype]
    assert apart(mine.keys, plain.keys) < TOLERANCE[dtype]


def test_one_row_alone():
    decoder, (cache, _) = weights(torch.float32, 1), caches(torch.float32)
    state = DecodeState.allocate(2, 1, VOCABULARY, COLUMNS, 9, DEVICE)
    with pytest.raises(AssertionError, match="2 rows"):
        PersistentStep(decoder, cache, state, torch.empty(2, VOCABULARY, device=DEVICE))


@pytest.mark.skipif(DEVICE.type == "cuda", reason="some GPUs suit")
def test_only_a_gpu_that_was_measured_suits():
    assert not prefers_megakernel(weights(torch.float16, 1))


@pytest.mark.parametrize("width", [32, 768, 1280])
def test_nobody_who_waits_goes_unheard(width):
    """Every program that multiplies has outputs of every matrix."""
    for most in range(1, 140):
        programs = count_matrix_programs(width, most)
        assert 1 <= programs <= most
        for outputs in (width, 4 * width):
            assert (programs - 1) * triton.cdiv(outputs, programs) < outputs


def test_attention_has_programs_of_its_own():
    shape = MEGAKERNEL.choose(MegakernelSize(width=1280, heads=20, head_dim=64, weight_bytes=2), DEVICE)
    assert 0 < shape.matrix_programs < shape.programs


def test_who_waits_reads_every_word_and_looks_at_every_flag():
    assembly, constraints, pack = mailbox_wait_ptx(count=3, stride=8, pack=2)
    assert pack == 2
    assert constraints.split(",") == ["=&r"] * 6 + ["l"] * 2 + ["r"] * 2
    places = ("[$6+0]", "[$7+0]", "[$6+64]", "[$7+64]", "[$6+128]", "[$7+128]")
    assert all(f"ld.relaxed.gpu.global.b64 word{i}, {place};" in assembly for i, place in enumerate(places))
    assert all(f"flag{i}, ${8 + i % 2}" in assembly for i in range(6))
    assert assembly.count("@late bra again") == 1

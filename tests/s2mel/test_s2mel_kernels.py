"""Triton kernels equal their torch twins, at odd sizes and in every dtype; interpreted where there is no GPU."""

import pytest
import torch
from indextts2_multitalk.s2mel.packing import pack_lines
from indextts2_multitalk.s2mel.torch_ops import TORCH_OPS

triton = pytest.importorskip("triton")
from indextts2_multitalk.s2mel.triton_ops import TRITON_OPS  # noqa: E402

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
TOLERANCE = {torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}
DTYPES = pytest.mark.parametrize("dtype", list(TOLERANCE))


def multiplies(dtype: torch.dtype) -> None:
    if dtype is torch.bfloat16 and DEVICE.type == "cpu":
        pytest.skip("Triton's interpreter cannot multiply bfloat16 matrices")


def draw(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)


def agree(actual: torch.Tensor, expected: torch.Tensor, dtype: torch.dtype) -> None:
    assert actual.dtype is expected.dtype
    assert actual.shape == expected.shape
    assert torch.isfinite(actual).all()
    scale = expected.abs().max().clamp(min=1.0)
    assert ((actual.float() - expected.float()).abs().max() / scale).item() <= TOLERANCE[dtype]


@DTYPES
@pytest.mark.parametrize("width", [64, 40])
def test_norms(dtype, width):
    stream, delta, table = draw(7, width), draw(7, width, seed=1, dtype=dtype), draw(2, width, seed=2)
    for added in (None, delta):
        for actual, expected in zip(
            TRITON_OPS.residual_norm(stream, added, table, 1e-5, dtype),
            TORCH_OPS.residual_norm(stream, added, table, 1e-5, dtype),
            strict=True,
        ):
            agree(actual, expected, dtype)
    actual, expected = (ops.modulated_norm(delta, table, 1e-6, dtype) for ops in (TRITON_OPS, TORCH_OPS))
    agree(actual, expected, dtype)


@DTYPES
@pytest.mark.parametrize("width", [64, 40])
def test_sums(dtype, width):
    stream, delta, skip = draw(5, width), draw(5, width, seed=1, dtype=dtype), draw(5, width, seed=2)
    for added in (None, delta):
        actual, expected = (ops.residual_cat(stream, added, skip, dtype) for ops in (TRITON_OPS, TORCH_OPS))
        agree(actual, expected, dtype)
    for actual, expected in zip(
        TRITON_OPS.residual_add(stream, delta, dtype), TORCH_OPS.residual_add(stream, delta, dtype), strict=True
    ):
        agree(actual, expected, dtype)


@DTYPES
@pytest.mark.parametrize("inner", [256, 40])
def test_swiglu(dtype, inner):
    x = draw(5, 2 * inner, dtype=dtype)
    agree(TRITON_OPS.swiglu(x), TORCH_OPS.swiglu(x), dtype)


@DTYPES
@pytest.mark.parametrize(("heads", "head_width"), [(2, 32), (3, 16)])
def test_rotation(dtype, heads, head_width):
    packing = pack_lines([3, 6], 2, DEVICE)
    qkv = draw(18, 3 * heads * head_width, dtype=dtype)
    expected = TORCH_OPS.apply_rotary(qkv, *packing.rotary_tables(head_width), heads)
    agree(TRITON_OPS.apply_rotary(qkv.clone(), *packing.rotary_tables(head_width), heads), expected, dtype)


@DTYPES
@pytest.mark.parametrize("lengths", [[1], [31], [64, 130, 5]])
def test_attention(dtype, lengths):
    multiplies(dtype)
    packing = pack_lines(lengths, 2, DEVICE)
    qkv = draw(2 * sum(lengths), 3, 2, 16, dtype=dtype)
    agree(TRITON_OPS.packed_attention(qkv, packing), TORCH_OPS.packed_attention(qkv, packing), dtype)


def test_attention_reads_no_padding():
    tight, padded = pack_lines([37, 50], 2, DEVICE), pack_lines([37, 50], 2, DEVICE, frames=128, capacity=4)
    qkv = draw(2, 87, 3, 2, 16)
    poisoned = torch.full((2, 128, 3, 2, 16), float("nan"), device=DEVICE)
    poisoned[:, :87] = qkv
    actual = TRITON_OPS.packed_attention(poisoned.flatten(0, 1), padded).view(2, 128, 32)[:, :87]
    agree(actual.flatten(0, 1), TORCH_OPS.packed_attention(qkv.flatten(0, 1), tight), torch.float32)


@DTYPES
@pytest.mark.parametrize(("width", "taps", "dilation"), [(64, 5, 1), (40, 3, 2)])
def test_gated_convolution(dtype, width, taps, dilation):
    multiplies(dtype)
    packing = pack_lines([9, 70], 1, DEVICE, frames=83)
    x, bias = draw(83, width, dtype=dtype), draw(2 * width, seed=2)
    weight = (draw(2 * width, taps * width, seed=1) / (taps * width) ** 0.5).to(dtype)
    wide = torch.full((83, 2 * width), float("nan"), dtype=dtype, device=DEVICE)
    actual = TRITON_OPS.gated_convolution(x, weight, bias, wide[:, width:], packing, dilation)
    expected = TORCH_OPS.gated_convolution(x, weight, bias, torch.empty_like(x), packing, dilation)
    agree(actual, expected, dtype)
    assert wide[:, :width].isnan().all()

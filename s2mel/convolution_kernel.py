"""The WaveNet's gated convolution as one Triton kernel; its torch twin is `gated_convolution_torch`.

A matrix product whose left rows are found tap by tap, mirrored at their own line's ends. Every program holds both
halves of its output columns, so that the gate is worked on the accumulators.
Dimensions: N tokens, W width, K taps.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..runtime.card import Card, pipeline_buffers
from ..runtime.kernel_shapes import KernelFamily
from .packing import Packing


@triton.jit
def _gated_convolution_kernel(x, limits, weight, bias, out, tokens, out_stride, WIDTH: tl.constexpr, TAPS: tl.constexpr,
                              DILATION: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_W: tl.constexpr,
                              BLOCK_K: tl.constexpr, EVEN: tl.constexpr, PRECISION: tl.constexpr):  # fmt: skip
    row = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    column = tl.program_id(0) * BLOCK_W + tl.arange(0, BLOCK_W)
    there, kept = row < tokens, column < WIDTH
    start = tl.load(limits + row * 2, mask=there, other=0)
    last = tl.load(limits + row * 2 + 1, mask=there, other=1) - 1
    reach: tl.constexpr = TAPS * WIDTH
    left: tl.constexpr = (TAPS - 1) * DILATION - (TAPS - 1) * DILATION // 2
    per_tap: tl.constexpr = (WIDTH + BLOCK_K - 1) // BLOCK_K
    # A column of the first half beside its partner of the second: the halves then part within each thread's registers.
    paired = tl.arange(0, 2 * BLOCK_W)
    partner = tl.program_id(0) * BLOCK_W + paired // 2
    weights = weight + (partner + paired % 2 * WIDTH)[None, :] * reach
    acc = tl.zeros([BLOCK_N, 2 * BLOCK_W], tl.float32)
    for step in range(TAPS * per_tap):
        tap = step // per_tap
        channel = (step % per_tap) * BLOCK_K + tl.arange(0, BLOCK_K)
        source = start + tl.abs(row + (tap * DILATION - left) - start)
        source = last - tl.abs(last - source)
        taken_at = x + source[:, None] * WIDTH + channel[None, :]
        weight_at = weights + (tap * WIDTH + channel)[:, None]
        if EVEN:
            taken = tl.load(taken_at, mask=there[:, None], other=0.0)
            factor = tl.load(weight_at)
        else:
            known = channel < WIDTH
            taken = tl.load(taken_at, mask=there[:, None] & known[None, :], other=0.0)
            factor = tl.load(weight_at, mask=(partner < WIDTH)[None, :] & known[:, None], other=0.0)
        acc = tl.dot(taken, factor, acc, input_precision=PRECISION)
    first, second = tl.split(tl.reshape(acc, [BLOCK_N, BLOCK_W, 2]))
    first += tl.load(bias + column, mask=kept, other=0.0)[None, :]
    second += tl.load(bias + WIDTH + column, mask=kept, other=0.0)[None, :]
    gated = (2 * tl.sigmoid(2 * first) - 1) * tl.sigmoid(second)
    place = out + row[:, None] * out_stride + column[None, :]
    tl.store(place, gated.to(out.dtype.element_ty), mask=there[:, None] & kept[None, :])


@dataclass(frozen=True)
class GatedConvolutionShape:
    """Tokens, output columns of each half and inner length of a program's tile. stages: tiles of the inputs and weights
    under way, the one in use among them."""

    tokens: int
    columns: int
    inner: int
    warps: int
    stages: int


class GatedConvolutionSize(NamedTuple):
    width: int
    half: bool


def gated_convolution_rule(size: GatedConvolutionSize, card: Card) -> GatedConvolutionShape:
    """Measured on an H200."""
    return GatedConvolutionShape(128, 128, 64, 8, 3) if size.half else GatedConvolutionShape(64, 32, 32, 4, 3)


def gated_convolution_candidates(size: GatedConvolutionSize, card: Card) -> Iterable[GatedConvolutionShape]:
    for tokens, columns, warps in ((128, 128, 8), (128, 64, 8), (128, 64, 4), (64, 128, 8), (64, 64, 4), (64, 32, 4)):
        for inner, stages in ((64, 3), (64, 4), (32, 4)):
            yield GatedConvolutionShape(tokens, columns, inner, warps, stages)


def gated_convolution_fits(shape: GatedConvolutionShape, size: GatedConvolutionSize, card: Card) -> bool:
    tile = (shape.tokens + 2 * shape.columns) * shape.inner
    return pipeline_buffers(shape.stages, card) * tile * (2 if size.half else 4) <= card.smem_bytes


GATED_CONVOLUTION = KernelFamily(
    "gated convolution", gated_convolution_rule, gated_convolution_candidates, gated_convolution_fits
)


def gated_convolution(x: Tensor, weight: Tensor, bias: Tensor, out: Tensor, packing: Packing, dilation: int) -> Tensor:
    """As `gated_convolution_torch`. x contiguous [N, W], weight [2W, K * W], bias float32 [2W], out [N, W], whose rows
    may lie apart."""
    tokens, width = x.shape
    taps = weight.shape[1] // width
    assert weight.shape == (2 * width, taps * width), f"weight {tuple(weight.shape)}, x {tuple(x.shape)}, {taps} taps"
    assert all(tensor.is_contiguous() for tensor in (x, weight, bias)), "x, weight and bias must be contiguous"
    assert bias.shape == (2 * width,) and bias.dtype is torch.float32, f"bias {tuple(bias.shape)} {bias.dtype}"
    assert out.shape == x.shape and out.stride(1) == 1, f"out {tuple(out.shape)}, strides {out.stride()}"
    half = x.dtype in (torch.float16, torch.bfloat16)
    shape = GATED_CONVOLUTION.choose(GatedConvolutionSize(width, half), x.device)
    grid = (triton.cdiv(width, shape.columns), triton.cdiv(tokens, shape.tokens))
    _gated_convolution_kernel[grid](
        x, packing.token_bounds, weight, bias, out, tokens, out.stride(0), WIDTH=width, TAPS=taps, DILATION=dilation,
        BLOCK_N=shape.tokens, BLOCK_W=shape.columns, BLOCK_K=shape.inner,
        EVEN=width % shape.columns == 0 and width % shape.inner == 0,
        PRECISION="tf32" if half else "ieee", num_warps=shape.warps, num_stages=shape.stages,
    )  # fmt: skip
    return out

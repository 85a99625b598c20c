"""A 1-D convolution as one Triton kernel, channels last, with the sums that follow it in BigVGAN; half precision in and
out, float32 inside. Its torch twin is `convolve_channels_last_torch`.

An implicit matrix product: the inner index runs over taps and channels together, so that it is contiguous in memory for
the weights, and for the input where taps lie side by side.
Dimensions: B lines, T samples, I channels in, O channels out, K taps.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from torch import Tensor

from ...runtime.card import Card, pipeline_buffers
from ...runtime.kernel_shapes import KernelFamily


@dataclass(frozen=True, eq=False)
class ConvolutionFilter:
    """A convolution's numbers: weight [O, K * I], inner index tap by tap; bias [O] or None.

    Output t reads input t + tap * dilation - left.
    """

    weight: Tensor
    bias: Tensor | None
    taps: int
    dilation: int
    left: int


@triton.jit(do_not_specialize=["factor", "rows", "taps", "dilation", "left", "with_residual", "with_total"])
def _convolve_channels_last_kernel(x, weight, bias, residual, total, out, lengths, factor, rows, taps, dilation, left,
                                   with_residual, with_total, x_stride, residual_stride, out_stride, scale,
                                   INPUTS: tl.constexpr, OUTPUTS: tl.constexpr, BIAS: tl.constexpr,
                                   BLOCK_T: tl.constexpr, BLOCK_O: tl.constexpr, BLOCK_K: tl.constexpr,
                                   PRECISION: tl.constexpr):  # fmt: skip
    line = tl.program_id(2)
    samples = tl.load(lengths + line) * factor
    row = tl.program_id(1) * BLOCK_T + tl.arange(0, BLOCK_T)
    output = tl.program_id(0) * BLOCK_O + tl.arange(0, BLOCK_O)
    if tl.program_id(1) * BLOCK_T >= samples + taps * dilation:
        return
    inner = taps * INPUTS
    x += line.to(tl.int64) * x_stride
    weights = weight + output[None, :] * inner
    kept = output[None, :] < OUTPUTS
    acc = tl.zeros([BLOCK_T, BLOCK_O], tl.float32)
    for first in range(0, inner, BLOCK_K):
        index = first + tl.arange(0, BLOCK_K)
        tap = index // INPUTS
        known = index < inner
        at = row[:, None] + (tap * dilation - left)[None, :]
        there = (at >= 0) & (at < samples) & known[None, :]
        offset = row[:, None] * INPUTS + (index + (tap * (dilation - 1) - left) * INPUTS)[None, :]
        taken = tl.load(x + offset, mask=there, other=0.0)
        factors = tl.load(weights + index[:, None], mask=kept & known[:, None], other=0.0)
        acc = tl.dot(taken, factors, acc, input_precision=PRECISION)
    if BIAS:
        acc += tl.load(bias + output, mask=output < OUTPUTS, other=0.0).to(tl.float32)[None, :]
    mask = (row < rows)[:, None] & kept
    place = row[:, None] * OUTPUTS + output[None, :]
    if with_residual:
        acc += tl.load(residual + line.to(tl.int64) * residual_stride + place, mask=mask, other=0.0).to(tl.float32)
    out += line.to(tl.int64) * out_stride
    if with_total:
        acc += tl.load(total + line.to(tl.int64) * out_stride + place, mask=mask, other=0.0).to(tl.float32)
    tl.store(out + place, (acc * scale).to(out.dtype.element_ty), mask=mask)


@dataclass(frozen=True)
class ConvolutionShape:
    """Samples, output channels and inner length of a program's tile. stages: tiles of the inputs and weights under way,
    the one in use among them."""

    samples: int
    channels: int
    inner: int
    warps: int
    stages: int


class ConvolutionSize(NamedTuple):
    """channels: of the output, at most; a place of `WIDTHS`."""

    channels: int
    half: bool


WIDTHS = (16, 32, 64, 128, 192, 384, 4096)
"""Channels up to which convolutions are cut alike."""

MEASURED = {
    16: ConvolutionShape(256, 16, 32, 4, 3),
    32: ConvolutionShape(256, 32, 32, 4, 3),
    64: ConvolutionShape(256, 64, 32, 8, 4),
    128: ConvolutionShape(256, 128, 32, 8, 3),
    192: ConvolutionShape(128, 64, 64, 4, 3),
    384: ConvolutionShape(128, 128, 64, 8, 3),
    4096: ConvolutionShape(64, 128, 64, 4, 3),
}
"""By width, on an H200, in half precision."""


def convolution_rule(size: ConvolutionSize, card: Card) -> ConvolutionShape:
    return MEASURED[size.channels] if size.half else ConvolutionShape(64, 32, 32, 4, 2)


def convolution_candidates(size: ConvolutionSize, card: Card) -> Iterable[ConvolutionShape]:
    """Those measured for widths beside this one, and this one's cut otherwise; no wider than the output."""
    place, usual = WIDTHS.index(size.channels), convolution_rule(size, card)
    beside = [MEASURED[width] for width in WIDTHS[max(0, place - 1) : place + 2]]
    cut = [
        replace(usual, inner=96 - usual.inner),
        replace(usual, samples=usual.samples // 2, warps=4),
        replace(usual, warps=12 - usual.warps),
        replace(usual, stages=7 - usual.stages),
    ]
    return (shape for shape in (*beside, *cut) if shape.channels <= size.channels)


def convolution_fits(shape: ConvolutionShape, size: ConvolutionSize, card: Card) -> bool:
    tile = (shape.samples + shape.channels) * shape.inner
    return pipeline_buffers(shape.stages, card) * tile * (2 if size.half else 4) <= card.smem_bytes


CONVOLUTION = KernelFamily("convolution", convolution_rule, convolution_candidates, convolution_fits)


def convolve_channels_last(
    x: Tensor,
    filter: ConvolutionFilter,
    lengths: Tensor,
    factor: int,
    rows: int | None = None,
    residual: Tensor | None = None,
    total: Tensor | None = None,
    scale: float = 1.0,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """(x under `filter` + residual + total) * scale, [B, rows, O]; rows is T and dtype that of x where None.

    x [B, T, I], each line's samples contiguous. Beyond lengths[b] * factor samples (lengths int32 [B]) and before the
    first, a line is zero whatever lies there. Output rows whose taps all lie beyond the end may stay unwritten.
    residual, total: [B, rows, O] or None; total contiguous.
    """
    lines, samples, inputs = x.shape
    outputs, inner = filter.weight.shape
    rows = samples if rows is None else rows
    assert inner == filter.taps * inputs, f"got weight {tuple(filter.weight.shape)} for {inputs} channels"
    assert x.stride()[1:] == (inputs, 1) and filter.weight.is_contiguous(), f"got strides {x.stride()}"
    assert lengths.shape == (lines,) and lengths.dtype is torch.int32, f"got lengths {tuple(lengths.shape)}"
    for addend in (residual, total):
        if addend is not None:
            assert addend.shape == (lines, rows, outputs), f"got {tuple(addend.shape)}, expected {lines, rows, outputs}"
            assert addend.stride()[1:] == (outputs, 1), f"got addend strides {addend.stride()}"
    assert total is None or total.is_contiguous(), "total must be contiguous"
    out = torch.empty(lines, rows, outputs, dtype=dtype or x.dtype, device=x.device)
    half = x.dtype in (torch.float16, torch.bfloat16)
    width = next((width for width in WIDTHS if outputs <= width), WIDTHS[-1])
    shape = CONVOLUTION.choose(ConvolutionSize(width, half), x.device)
    _convolve_channels_last_kernel[(triton.cdiv(outputs, shape.channels), triton.cdiv(rows, shape.samples), lines)](
        x, filter.weight, filter.bias, x if residual is None else residual, x if total is None else total, out, lengths,
        factor, rows, filter.taps, filter.dilation, filter.left, residual is not None, total is not None, x.stride(0),
        out.stride(0) if residual is None else residual.stride(0), out.stride(0), scale,
        INPUTS=inputs, OUTPUTS=outputs, BIAS=filter.bias is not None, BLOCK_T=shape.samples,
        BLOCK_O=shape.channels, BLOCK_K=shape.inner, PRECISION="tf32" if half else "ieee", num_warps=shape.warps,
        num_stages=shape.stages,
    )  # fmt: skip
    return out


def convolve_channels_last_torch(
    x: Tensor,
    filter: ConvolutionFilter,
    lengths: Tensor,
    factor: int,
    rows: int | None = None,
    residual: Tensor | None = None,
    total: Tensor | None = None,
    scale: float = 1.0,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """`convolve_channels_last` line by line in torch."""
    inputs, rows = x.shape[2], x.shape[1] if rows is None else rows
    weight = filter.weight.unflatten(1, (filter.taps, inputs)).transpose(1, 2).float()
    bias = None if filter.bias is None else filter.bias.float()
    reach = (filter.taps - 1) * filter.dilation
    outs = []
    for line, length in zip(x.float(), (lengths * factor).tolist(), strict=True):
        padded = F.pad(line[:length].T, (filter.left, rows + reach - filter.left - length))
        outs.append(F.conv1d(padded[None], weight, bias, dilation=filter.dilation)[0].T)
    out = torch.stack(outs)
    for addend in (residual, total):
        out = out if addend is None else out + addend
    return (out * scale).to(dtype or x.dtype)

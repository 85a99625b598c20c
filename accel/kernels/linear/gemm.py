"""GEMM of more rows than gemv.py takes, on tensor cores.

Dimensions: R rows, K inputs, N outputs, J outputs of one program, Z slices of split-K, T tiles of the residual stream.
Weights and rows stream through shared memory together, or weights wait there for the rows (weight_stationary.py).
A norm before the layer is folded into it (folded_norm.py): what is multiplied is the residual stream times the norm's
gain and STREAM_SCALE; mean and deviation come from sums over tiles of the stream, written with it (splitk_residual.py).
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch.nn import functional

from ...quantization import dequantize_rows
from ..pdl import CACHE_LINE_BYTES, l2_prefetch, launch_dependents, pdl_options, wait_on_dependencies
from .folded_norm import FoldedNorm, Norm
from .gemm_shapes import GemmShape, choose_gemm_shape, rows_per_tile
from .gemv import tanh_gelu
from .int8_weights import UP, convert_weights, int8_options
from .weight_stationary import load_first_rows, load_weight_tiles, multiply_stationary

STREAM_SCALE = tl.constexpr(0.0625)
"""Factor of the stream in half precision, which a stream times its gain could leave otherwise."""


@triton.jit
def _prefetch_rows(base, rows, K: tl.constexpr, first, BYTES: tl.constexpr, SPAN: tl.constexpr):
    """Fetch these rows' next SPAN elements to the L2 cache."""
    EACH: tl.constexpr = CACHE_LINE_BYTES // BYTES
    COUNT: tl.constexpr = SPAN // EACH
    k = tl.minimum(first + tl.arange(0, COUNT) * EACH, K - 1)
    l2_prefetch(base + rows[:, None].to(tl.int64) * K + k[None, :])


@triton.jit
def _stream_products(x, weight, row, x_row, first, K: tl.constexpr, SLICES: tl.constexpr, BLOCK_K: tl.constexpr,
                     STAGES: tl.constexpr, PRECISION: tl.constexpr, PTX: tl.constexpr):  # fmt: skip
    """Rows [R] of x times rows [J] of the weights over one slice of K: float32 [R, J]. Weights are the left factor, so
    that a tile has as many weights as the units like and no more rows than there are."""
    k = tl.arange(0, BLOCK_K)
    last = first + K // SLICES
    lefts = weight + row[:, None].to(tl.int64) * K + k[None, :]
    rights = x + x_row[None, :] * K + k[:, None]
    acc = tl.zeros([row.shape[0], x_row.shape[0]], tl.float32)
    for at in tl.range(first, last, BLOCK_K, num_stages=STAGES):
        inside = at + k < last
        left = tl.load(lefts + at, mask=inside[None, :], other=0.0)
        right = tl.load(rights + at, mask=inside[:, None], other=0.0)
        if left.dtype == tl.int8:
            left = convert_weights(left, right.dtype, PTX)
        acc = tl.dot(left, right, acc, input_precision=PRECISION)
    return tl.trans(acc)


@triton.jit
def _norm_statistics(moments, r, rows, eps, K: tl.constexpr, TILES: tl.constexpr, BLOCK_T: tl.constexpr):
    """LayerNorm statistics of rows `r` of the stream: mean and one over the deviation."""
    t = tl.arange(0, BLOCK_T)
    at = moments + r[:, None] * TILES + t[None, :]
    there = (r < rows)[:, None] & (t < TILES)[None, :]
    mean = tl.sum(tl.load(at, mask=there, other=0.0), axis=1) / K
    square = tl.sum(tl.load(at + rows * TILES, mask=there, other=0.0), axis=1) / K
    return mean, tl.rsqrt(tl.maximum(square - mean * mean, 0.0) + eps)


@triton.jit
def load_weights_then_wait(weight, row, part, K: tl.constexpr, SLICES: tl.constexpr, BLOCK_K: tl.constexpr,
                           BLOCKS: tl.constexpr, SPAN: tl.constexpr, STAGES: tl.constexpr,
                           PDL: tl.constexpr):  # fmt: skip
    """Load rows [J] of the weights over one slice of K, then wait for the kernel before: all of them as blocks
    [block, J] where they stay (weight-stationary), none where they are streamed, which are only on their way to the L2
    cache."""
    first = part * (K // SLICES)
    weights = ()
    if STAGES == 0:
        launch_dependents(PDL)
        weights = load_weight_tiles(weight, row, first, K, BLOCK_K, BLOCKS)
        wait_on_dependencies(PDL)
    else:
        if PDL:
            _prefetch_rows(weight, row, K, first, weight.dtype.element_ty.primitive_bitwidth // 8, SPAN)
        wait_on_dependencies(PDL)
        launch_dependents(PDL)
    return weights


@triton.jit
def multiply_slice(x, weight, weights, moments, row, r, rows, part, eps, K: tl.constexpr, SLICES: tl.constexpr,
                   BLOCK_K: tl.constexpr, BLOCKS: tl.constexpr, IN_FLIGHT: tl.constexpr, TILES: tl.constexpr,
                   BLOCK_T: tl.constexpr, STAGES: tl.constexpr, PRECISION: tl.constexpr, PTX: tl.constexpr,
                   PDL: tl.constexpr):  # fmt: skip
    """Rows `r` of x times rows [J] of the weights over one slice of K, given what `load_weights_then_wait` gave:
    float32 [R, J]; with moments of the stream also mean and one over the deviation of the rows."""
    x_row = tl.minimum(r, rows - 1)
    first = part * (K // SLICES)
    mean, scale = tl.zeros([r.shape[0]], tl.float32), tl.zeros([r.shape[0]], tl.float32)
    if STAGES == 0:
        blocks = load_first_rows(x, x_row, first, K, BLOCK_K, IN_FLIGHT)
        if TILES > 0:
            mean, scale = _norm_statistics(moments, r, rows, eps, K, TILES, BLOCK_T)
        y = multiply_stationary(weights, blocks, x, x_row, first, K, BLOCK_K, BLOCKS, IN_FLIGHT, PRECISION, PTX, PDL)
    else:
        if TILES > 0:
            mean, scale = _norm_statistics(moments, r, rows, eps, K, TILES, BLOCK_T)
        y = _stream_products(x, weight, row, x_row, first, K, SLICES, BLOCK_K, STAGES, PRECISION, PTX)
    return y, mean, scale


@triton.jit
def _gemm_kernel(x, weight, bias, weight_gain, moments, out, eps, rows, outputs, scales, K: tl.constexpr,
                 SLICES: tl.constexpr, J: tl.constexpr, BLOCK_R: tl.constexpr, BLOCK_K: tl.constexpr,
                 BLOCKS: tl.constexpr, IN_FLIGHT: tl.constexpr, SPAN: tl.constexpr, TILES: tl.constexpr,
                 BLOCK_T: tl.constexpr, GELU: tl.constexpr, STAGES: tl.constexpr, PRECISION: tl.constexpr,
                 PTX: tl.constexpr, PDL: tl.constexpr):  # fmt: skip
    n = tl.program_id(0) * J + tl.arange(0, J)
    r = tl.program_id(1) * BLOCK_R + tl.arange(0, BLOCK_R)
    # Weights past the last, and rows of x, are read again instead of masked: no mask, no wait.
    row = tl.minimum(n, outputs - 1)
    mean_factor, b = tl.load(weight_gain + row).to(tl.float32), tl.load(bias + row).to(tl.float32)
    if scales is not None:
        weight_scale = tl.load(scales + row)
    weights = load_weights_then_wait(weight, row, 0, K, SLICES, BLOCK_K, BLOCKS, SPAN, STAGES, PDL)
    y, mean, scale = multiply_slice(
        x, weight, weights, moments, row, r, rows, 0, eps, K, SLICES, BLOCK_K, BLOCKS, IN_FLIGHT, TILES, BLOCK_T,
        STAGES, PRECISION, PTX, PDL,
    )  # fmt: skip
    if scales is not None:
        y *= (weight_scale * UP)[None, :]
    if TILES > 0:
        y = (y * (1.0 / STREAM_SCALE) - mean_factor[None, :] * mean[:, None]) * scale[:, None]
    y += b[None, :]
    if GELU:
        y = tanh_gelu(y)
    at = out + r[:, None] * outputs + n[None, :]
    tl.store(at, y.to(out.dtype.element_ty), mask=(r < rows)[:, None] & (n < outputs)[None, :])


def gemm(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    out: torch.Tensor,
    *,
    norm: FoldedNorm | None = None,
    moments: torch.Tensor | None = None,
    gelu: bool = False,
    scales: torch.Tensor | None = None,
    shape: GemmShape | None = None,
) -> torch.Tensor:
    """out [R, N] = x [R, K] times weight [N, K], transposed, + bias, [GELU]; x of the weights' dtype.

    scales: float32 [N] of weights in 8 bits; x is then of any dtype.
    norm: one norm folded into this layer, with its bias; x is then `ResidualStream.scaled` by its gain and moments are
    those of the stream, float32 [2, R, T]. All contiguous.
    """
    outputs, rows = weight.shape[0], x.shape[0]
    shape = shape or choose_gemm_shape(weight, rows, x.dtype, residual=False)
    assert shape.slices == 1, f"{shape.slices} slices"
    check_rows(x, weight, scales)
    assert out.shape == (rows, outputs), f"out is {tuple(out.shape)}"
    assert all(t.is_contiguous() for t in (x, weight, bias, out)), "all must be contiguous"
    assert (norm is None) == (moments is None), "a norm needs moments"
    assert norm is None or norm.norms == 1, "one norm can be folded"
    block_rows = rows_per_tile(rows)
    tiles = 0 if moments is None else moments.shape[2]
    _gemm_kernel[(triton.cdiv(outputs, shape.outputs), triton.cdiv(rows, block_rows))](
        x, weight, norm.bias if norm else bias, norm.weight_gain if norm else bias, x if moments is None else moments,
        out, norm.eps if norm else 0.0, rows, outputs, TILES=tiles, BLOCK_T=triton.next_power_of_2(max(1, tiles)),
        GELU=gelu, **gemm_options(x, weight, scales, shape),
    )  # fmt: skip
    return out


def check_rows(x: torch.Tensor, weight: torch.Tensor, scales: torch.Tensor | None) -> None:
    """Rows fit the weights, and these have scales where they need them."""
    assert x.shape[1] == weight.shape[1], f"x is {tuple(x.shape)}, the weights are {tuple(weight.shape)}"
    assert weight.dtype is (x.dtype if scales is None else torch.int8), f"{weight.dtype} times {x.dtype}"


def gemm_options(
    x: torch.Tensor, weight: torch.Tensor, scales: torch.Tensor | None, shape: GemmShape
) -> dict[str, Any]:
    """What every launch says that calls `load_weights_then_wait` and `multiply_slice`."""
    inputs, size, block_rows = weight.shape[1], x.element_size(), rows_per_tile(x.shape[0])
    assert shape.stages > 0 or inputs % (shape.block * shape.slices) == 0, f"{inputs} inputs in blocks of {shape.block}"
    return {
        "K": inputs,
        "SLICES": shape.slices,
        "J": shape.outputs,
        "BLOCK_R": block_rows,
        "BLOCK_K": shape.block,
        "BLOCKS": shape.block_count(inputs),
        "IN_FLIGHT": shape.blocks_in_flight(inputs, block_rows, size),
        "SPAN": max(128, triton.next_power_of_2(inputs // shape.slices)),
        "STAGES": shape.stages,
        "PRECISION": "ieee" if x.dtype is torch.float32 else "tf32",
        "num_warps": shape.warps,
        **int8_options(scales, x.device),
        **pdl_options(x.device),
    }


def gemm_torch(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    *,
    norm: Norm | None = None,
    gelu: bool = False,
    scales: torch.Tensor | None = None,
) -> torch.Tensor:
    """The twin of `gemm`, float32 throughout; with a norm, x is the stream itself."""
    x = x.float()
    if norm is not None:
        gain, shift, eps = norm
        x = functional.layer_norm(x, x.shape[-1:], gain.float(), shift.float(), eps)
    y = functional.linear(x, dequantize_rows(weight, scales, torch.float32), bias.float())
    return functional.gelu(y, approximate="tanh") if gelu else y

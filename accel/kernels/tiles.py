"""Linear layers of more rows than gemv.py takes, as tiles for the matrix units.

Dimensions: R rows, K inputs, N outputs, J outputs of one program, Z slices of K, T tiles of the residual stream.
Weights are the left factor, so that a tile has as many weights as the units like and no more rows than there are.
A norm before the layer is folded into it (folding.py): what is multiplied is the residual stream times the norm's gain
and SCALE, and mean and deviation come from sums over tiles of the stream, all written with the stream (residual.py).
"""

from dataclasses import dataclass
from typing import Any

import torch
import triton
import triton.language as tl
from torch.nn import functional

from .ahead import LINE_BYTES, prefetch
from .folding import Folded, Norm
from .gemv import tanh_gelu
from .overlap import launch_options, ready

SCALE = tl.constexpr(0.0625)
"""Factor of the stream in half precision, which a stream times its gain could leave otherwise."""


@triton.jit
def _prefetch(base, rows, K: tl.constexpr, first, BYTES: tl.constexpr, SPAN: tl.constexpr):
    """Have these rows' next SPAN elements on their way to the second-level cache."""
    LINE: tl.constexpr = LINE_BYTES // BYTES
    COUNT: tl.constexpr = SPAN // LINE
    k = tl.minimum(first + tl.arange(0, COUNT) * LINE, K - 1)
    prefetch(base + rows[:, None].to(tl.int64) * K + k[None, :])


@triton.jit
def weights_ahead(weight, row, part, K: tl.constexpr, SLICES: tl.constexpr, SPAN: tl.constexpr, OVERLAP: tl.constexpr):
    """Start on this program's weights, then wait for the kernel before."""
    if OVERLAP:
        _prefetch(weight, row, K, part * (K // SLICES), weight.dtype.element_ty.primitive_bitwidth // 8, SPAN)
    ready(OVERLAP)


@triton.jit
def products(x, weight, row, r, rows, part, K: tl.constexpr, SLICES: tl.constexpr, BLOCK_K: tl.constexpr,
             STAGES: tl.constexpr, PRECISION: tl.constexpr):  # fmt: skip
    """Weights `row` [J] times rows `r` of x over one slice of K: float32 [J, rows]."""
    k = tl.arange(0, BLOCK_K)
    each: tl.constexpr = K // SLICES
    lefts = weight + row[:, None].to(tl.int64) * K + k[None, :]
    rights = x + tl.minimum(r, rows - 1)[None, :] * K + k[:, None]
    acc = tl.zeros([row.shape[0], r.shape[0]], tl.float32)
    for at in tl.range(part * each, (part + 1) * each, BLOCK_K, num_stages=STAGES):
        inside = at + k < (part + 1) * each
        left = tl.load(lefts + at, mask=inside[None, :], other=0.0)
        right = tl.load(rights + at, mask=inside[:, None], other=0.0)
        acc = tl.dot(left, right, acc, input_precision=PRECISION)
    return acc


@triton.jit
def _moments(moments, r, rows, eps, K: tl.constexpr, TILES: tl.constexpr, BLOCK_T: tl.constexpr):
    """Mean and one over the deviation of rows `r` of the stream."""
    t = tl.arange(0, BLOCK_T)
    at = moments + t[:, None] * rows + r[None, :]
    there = (t < TILES)[:, None] & (r < rows)[None, :]
    mean = tl.sum(tl.load(at, mask=there, other=0.0), axis=0) / K
    square = tl.sum(tl.load(at + TILES * rows, mask=there, other=0.0), axis=0) / K
    return mean, tl.rsqrt(tl.maximum(square - mean * mean, 0.0) + eps)


@triton.jit
def _tiles(x, weight, bias, share, moments, out, eps, rows, outputs, K: tl.constexpr, J: tl.constexpr,
           BLOCK_R: tl.constexpr, BLOCK_K: tl.constexpr, SPAN: tl.constexpr, TILES: tl.constexpr,
           BLOCK_T: tl.constexpr, GELU: tl.constexpr, STAGES: tl.constexpr, PRECISION: tl.constexpr,
           OVERLAP: tl.constexpr):  # fmt: skip
    n = tl.program_id(0) * J + tl.arange(0, J)
    r = tl.program_id(1) * BLOCK_R + tl.arange(0, BLOCK_R)
    # Rows of weights past the last are read again instead of masked: no mask, no wait.
    row = tl.minimum(n, outputs - 1)
    weights_ahead(weight, row, 0, K, 1, SPAN, OVERLAP)
    if TILES > 0:
        mean, scale = _moments(moments, r, rows, eps, K, TILES, BLOCK_T)
    y = products(x, weight, row, r, rows, 0, K, 1, BLOCK_K, STAGES, PRECISION)
    if TILES > 0:
        y = (y * (1.0 / SCALE) - tl.load(share + row)[:, None] * mean[None, :]) * scale[None, :]
    y += tl.load(bias + row).to(tl.float32)[:, None]
    if GELU:
        y = tanh_gelu(y)
    tl.store(
        out + r[None, :] * outputs + n[:, None],
        y.to(out.dtype.element_ty),
        mask=(n < outputs)[:, None] & (r < rows)[None, :],
    )


@dataclass(frozen=True)
class TileShape:
    """outputs and block of inputs of one tile, slices of K, stages of the pipeline, warps."""

    outputs: int
    block: int
    slices: int
    stages: int
    warps: int


def slices_for(inputs: int, outputs: int, rows: int) -> int:
    """Slices of K: one where the outputs alone make programs enough, else as many as leave each a few blocks."""
    if outputs > 2048:
        return 1
    most = 640 if rows <= 16 or inputs > 2048 else 256
    return next((z for z in (1, 2, 4, 5, 8, 16) if inputs // z <= most and inputs % (128 * z) == 0), 1)


def tile_shape_for(inputs: int, outputs: int, rows: int, itemsize: int) -> TileShape:
    """Up to 16 rows small tiles with many loads under way; with more, larger ones, whose rows are read less often."""
    slices, block = slices_for(inputs, outputs, rows), 256 // itemsize
    if rows <= 16:
        return TileShape(16, block, slices, 10, 1) if slices == 1 else TileShape(16, block, slices, 6, 2)
    if slices == 1:
        return TileShape(64, block, slices, 4, 4)
    return TileShape(32, block, slices, 4, 4) if inputs > 2048 else TileShape(64, block, slices, 2, 4)


def _stages(shape: TileShape, block_rows: int, itemsize: int, device: torch.device) -> int:
    """Those of the shape, or as many as the chip's shared memory holds."""
    if device.type != "cuda":
        return shape.stages
    there = triton.runtime.driver.active.utils.get_device_properties(device.index or 0)["max_shared_mem"]
    return max(1, min(shape.stages, there // ((shape.outputs + block_rows) * shape.block * itemsize)))


def tiled(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    out: torch.Tensor,
    *,
    norm: Folded | None = None,
    moments: torch.Tensor | None = None,
    gelu: bool = False,
    shape: TileShape | None = None,
) -> torch.Tensor:
    """out [R, N] = x [R, K] times weight [N, K], transposed, + bias, [GELU]; x of the weights' dtype.

    norm: one norm folded into this layer, with its bias; x is then `Stream.scaled` by its gain and moments are those of
    the stream, float32 [2, T, R]. All contiguous.
    """
    outputs, inputs = weight.shape
    rows = x.shape[0]
    shape = shape or tile_shape_for(inputs, outputs, rows, weight.element_size())
    assert shape.slices == 1, f"{shape.slices} slices"
    assert x.dtype is weight.dtype and x.shape[1] == inputs, f"x is {tuple(x.shape)} in {x.dtype}"
    assert out.shape == (rows, outputs), f"out is {tuple(out.shape)}"
    assert all(t.is_contiguous() for t in (x, weight, bias, out)), "all must be contiguous"
    assert (norm is None) == (moments is None), "a norm needs moments"
    assert norm is None or norm.count == 1, "one norm can be folded"
    block_rows = block_rows_for(rows)
    tiles = 0 if moments is None else moments.shape[1]
    _tiles[(triton.cdiv(outputs, shape.outputs), triton.cdiv(rows, block_rows))](
        x, weight, norm.bias if norm else bias, norm.share if norm else bias, x if moments is None else moments, out,
        norm.eps if norm else 0.0, rows, outputs, J=shape.outputs, BLOCK_R=block_rows, TILES=tiles,
        BLOCK_T=triton.next_power_of_2(max(1, tiles)), GELU=gelu, **tile_options(x, weight, shape),
    )  # fmt: skip
    return out


def tile_options(x: torch.Tensor, weight: torch.Tensor, shape: TileShape) -> dict[str, Any]:
    """What every launch says that calls `products`."""
    inputs, size = weight.shape[1], weight.element_size()
    return {
        "K": inputs,
        "BLOCK_K": shape.block,
        "SPAN": max(128, triton.next_power_of_2(inputs // shape.slices)),
        "STAGES": _stages(shape, block_rows_for(x.shape[0]), size, x.device),
        "PRECISION": "ieee" if x.dtype is torch.float32 else "tf32",
        "num_warps": shape.warps,
        **launch_options(x.device),
    }


def block_rows_for(rows: int) -> int:
    """Rows of a tile."""
    return max(16, min(64, triton.next_power_of_2(rows)))


def tiled_torch(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, *, norm: Norm | None = None, gelu: bool = False
) -> torch.Tensor:
    """The twin of `tiled`, float32 throughout; with a norm, x is the stream itself."""
    x = x.float()
    if norm is not None:
        gain, shift, eps = norm
        x = functional.layer_norm(x, x.shape[-1:], gain.float(), shift.float(), eps)
    y = functional.linear(x, weight.float(), bias.float())
    return functional.gelu(y, approximate="tanh") if gelu else y

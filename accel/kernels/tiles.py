"""Linear layers of more rows than gemv.py takes, as tiles for the matrix units, and the norm between them.

Dimensions: R rows, K inputs, N outputs, J outputs of one program, Z slices of K.
Weights are the left factor, so that a tile has as many weights as the units like and no more rows than there are.
Where N has few tiles, K is cut as well; the slices' sums meet in the next norm, always in the same order.
"""

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch.nn import functional

from .ahead import LINE_BYTES, prefetch
from .folding import Norm
from .gemv import tanh_gelu
from .overlap import launch_options, ready


@triton.jit
def _prefetch(base, rows, K: tl.constexpr, first, BYTES: tl.constexpr, SPAN: tl.constexpr):
    """Have these rows' next SPAN elements on their way to the second-level cache."""
    LINE: tl.constexpr = LINE_BYTES // BYTES
    COUNT: tl.constexpr = SPAN // LINE
    k = tl.minimum(first + tl.arange(0, COUNT) * LINE, K - 1)
    prefetch(base + rows[:, None].to(tl.int64) * K + k[None, :])


@triton.jit
def _tiles(x, weight, bias, out, rows, outputs, K: tl.constexpr, SLICES: tl.constexpr, J: tl.constexpr,
           BLOCK_R: tl.constexpr, BLOCK_K: tl.constexpr, SPAN: tl.constexpr, BIAS: tl.constexpr, GELU: tl.constexpr,
           STAGES: tl.constexpr, PRECISION: tl.constexpr, OVERLAP: tl.constexpr):  # fmt: skip
    n = tl.program_id(0) * J + tl.arange(0, J)
    part = tl.program_id(1)
    r = tl.program_id(2) * BLOCK_R + tl.arange(0, BLOCK_R)
    k = tl.arange(0, BLOCK_K)
    each: tl.constexpr = K // SLICES
    # Rows of weights past the last are read again instead of masked: no mask, no wait.
    row = tl.minimum(n, outputs - 1)
    if OVERLAP:
        _prefetch(weight, row, K, part * each, weight.dtype.element_ty.primitive_bitwidth // 8, SPAN)
    ready(OVERLAP)
    lefts = weight + row[:, None].to(tl.int64) * K + k[None, :]
    rights = x + tl.minimum(r, rows - 1)[None, :] * K + k[:, None]
    acc = tl.zeros([J, BLOCK_R], tl.float32)
    for at in tl.range(part * each, (part + 1) * each, BLOCK_K, num_stages=STAGES):
        inside = at + k < (part + 1) * each
        left = tl.load(lefts + at, mask=inside[None, :], other=0.0)
        right = tl.load(rights + at, mask=inside[:, None], other=0.0)
        acc = tl.dot(left, right, acc, input_precision=PRECISION)
    if BIAS:
        acc += tl.load(bias + row).to(tl.float32)[:, None]
    if GELU:
        acc = tanh_gelu(acc)
    place = (part * rows + r[None, :]) * outputs + n[:, None]
    tl.store(out + place, acc.to(out.dtype.element_ty), mask=(n < outputs)[:, None] & (r < rows)[None, :])


@triton.jit
def _normalised(x, gain, shift, eps, inside, K: tl.constexpr):
    """LayerNorm of a vector that is 0 outside."""
    mean = tl.sum(x, axis=0) / K
    centred = tl.where(inside, x - mean, 0.0)
    variance = tl.sum(centred * centred, axis=0) / K
    return centred * tl.rsqrt(variance + eps) * gain + shift


@triton.jit
def _residual_norm(x, sums, bias, out, gain, shift, gain_2, shift_2, eps, eps_2, rows, WIDTH: tl.constexpr,
                   BLOCK: tl.constexpr, SLICES: tl.constexpr, NORMS: tl.constexpr, OVERLAP: tl.constexpr):  # fmt: skip
    row = tl.program_id(0)
    k = tl.arange(0, BLOCK)
    inside = k < WIDTH
    added = tl.load(bias + k, mask=inside, other=0.0).to(tl.float32)
    g, s = tl.load(gain + k, mask=inside, other=0.0), tl.load(shift + k, mask=inside, other=0.0)
    ready(OVERLAP)
    y = tl.load(x + row * WIDTH + k, mask=inside, other=0.0, cache_modifier=".cg")
    if SLICES > 0:
        y += added
        for z in tl.static_range(SLICES):
            y += tl.load(sums + (z * rows + row) * WIDTH + k, mask=inside, other=0.0, cache_modifier=".cg")
        tl.store(x + row * WIDTH + k, y, mask=inside)
    y = _normalised(y, g.to(tl.float32), s.to(tl.float32), eps, inside, WIDTH)
    if NORMS > 1:
        g, s = tl.load(gain_2 + k, mask=inside, other=0.0), tl.load(shift_2 + k, mask=inside, other=0.0)
        y = _normalised(y, g.to(tl.float32), s.to(tl.float32), eps_2, inside, WIDTH)
    tl.store(out + row * WIDTH + k, y.to(out.dtype.element_ty), mask=inside)


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
    gelu: bool = False,
    shape: TileShape | None = None,
) -> torch.Tensor:
    """out [R, N] = x [R, K] times weight [N, K], transposed, + bias, [GELU]; x of the weights' dtype.

    out of three dimensions, float32 [Z, R, N], gets the Z slices' sums without bias, for `residual_norm`.
    """
    outputs, inputs = weight.shape
    rows = x.shape[0]
    shape = shape or tile_shape_for(inputs, outputs, rows, weight.element_size())
    slices = out.shape[0] if out.dim() == 3 else 1
    assert x.dtype is weight.dtype and x.shape[1] == inputs, f"x is {tuple(x.shape)} in {x.dtype}"
    assert out.shape[-2:] == (rows, outputs) and not (gelu and out.dim() == 3), f"out is {tuple(out.shape)}"
    assert all(t.is_contiguous() for t in (x, weight, bias, out)), "all must be contiguous"
    assert inputs % slices == 0, f"{inputs} inputs do not split into {slices}"
    block_rows = max(16, min(64, triton.next_power_of_2(rows)))
    grid = (triton.cdiv(outputs, shape.outputs), slices, triton.cdiv(rows, block_rows))
    _tiles[grid](
        x, weight, bias, out, rows, outputs, K=inputs, SLICES=slices, J=shape.outputs, BLOCK_R=block_rows,
        BLOCK_K=shape.block, SPAN=max(128, triton.next_power_of_2(inputs // slices)), BIAS=out.dim() == 2,
        GELU=gelu, STAGES=_stages(shape, block_rows, x.element_size(), x.device),
        PRECISION="ieee" if x.dtype is torch.float32 else "tf32",
        num_warps=shape.warps, **launch_options(x.device),
    )  # fmt: skip
    return out


def tiled_torch(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, *, gelu: bool = False) -> torch.Tensor:
    """The twin of `tiled`, float32 throughout."""
    y = functional.linear(x.float(), weight.float(), bias.float())
    return functional.gelu(y, approximate="tanh") if gelu else y


def residual_norm(
    x: torch.Tensor,
    sums: torch.Tensor | None,
    bias: torch.Tensor,
    norms: tuple[Norm, ...],
    out: torch.Tensor,
) -> torch.Tensor:
    """x float32 [R, D] += the slices' sums [Z, R, D] + bias [D], in place; out [R, D] = one or two norms of it.

    Without sums, x stays as it is.
    """
    rows, width = x.shape
    assert len(norms) in (1, 2), f"{len(norms)} norms"
    assert out.shape == x.shape and x.is_contiguous() and out.is_contiguous(), f"{tuple(out.shape)}, {tuple(x.shape)}"
    slices = 0 if sums is None else sums.shape[0]
    (gain, shift, eps), (gain_2, shift_2, eps_2) = norms[0], norms[-1]
    _residual_norm[(rows,)](
        x, x if sums is None else sums, bias, out, gain, shift, gain_2, shift_2, eps, eps_2, rows, WIDTH=width,
        BLOCK=triton.next_power_of_2(width), SLICES=slices, NORMS=len(norms), num_warps=4,
        **launch_options(x.device),
    )  # fmt: skip
    return out


def residual_norm_torch(
    x: torch.Tensor, sums: torch.Tensor | None, bias: torch.Tensor, norms: tuple[Norm, ...]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The twin of `residual_norm`: the new x and its norm, float32."""
    if sums is not None:
        x = x + bias.float() + sums.sum(dim=0)
    y = x
    for gain, shift, eps in norms:
        y = functional.layer_norm(y, y.shape[-1:], gain.float(), shift.float(), eps)
    return x, y

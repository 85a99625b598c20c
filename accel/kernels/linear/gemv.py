"""GEMV of 1 to 4 rows, bound by memory: every program has its weights in flight before it reads x.

Dimensions: R rows (1 to 4), K inputs, N outputs, J outputs of one program.
One kernel is [LayerNorm, once or twice] + matrix + bias [+ GELU] [+ residual]. A norm is folded into the matrix
(folded_norm.py): products and moments of x are summed side by side, and no sum waits for another.
Sums are float32; with several rows and weights of half precision, products and the first few of their sums are half as
well: a conversion and a product of its own for every weight and row would take longer than the weights.
Weights [N, K] row-major, in 8 bits with a scale for each row (int8_weights.py) or not; x float32 (the residual stream)
or of the bias's dtype.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch.nn import functional

from ....runtime.card import Card
from ....runtime.kernel_shapes import KernelFamily
from ...quantization import dequantize_rows
from ..pdl import l2_prefetch_share, launch_dependents_and_wait, pdl_options, prefetch_arguments
from .chunks import chunk_starts, chunk_widths, load_chunk, load_chunks, normalize_chunks, sum_chunks
from .folded_norm import FoldedNorm, Norm
from .int8_weights import UP, convert_chunks, int8_options

MAX_GEMV_ROWS = 4
LONG_INPUTS = 4096
"""Inputs from which four warps share each row."""


@triton.jit
def tanh_gelu(x):
    """GELU's tanh approximation, x * sigmoid(2 u)."""
    u = 0.7978845608028654 * (x + 0.044715 * x * x * x)
    return x / (1.0 + tl.exp(-2.0 * u))


@triton.jit
def _gemv_kernel(x, weight, bias, residual, out, first_gain, first_shift, gain, weight_gain, first_eps, eps, prefetch,
                 outputs, scales, K: tl.constexpr, LANE: tl.constexpr, WIDTHS: tl.constexpr, STARTS: tl.constexpr,
                 COUNT: tl.constexpr, J: tl.constexpr, ROWS: tl.constexpr, SLOTS: tl.constexpr, NORMS: tl.constexpr,
                 GELU: tl.constexpr, RESIDUAL: tl.constexpr, HALF: tl.constexpr, PREFETCHED: tl.constexpr,
                 THREADS: tl.constexpr, PTX: tl.constexpr, PDL: tl.constexpr):  # fmt: skip
    n = tl.program_id(0) * J + tl.arange(0, J)
    # Rows of weights past the last are read again instead of masked.
    weight_row = tl.minimum(n, outputs - 1)
    rows_at = weight + weight_row[:, None].to(tl.int64) * K
    w = ()
    for c in tl.static_range(COUNT):
        k = tl.arange(0, WIDTHS[c])
        if scales is not None:
            k = tl.max_contiguous(k, LANE)
        w += (tl.load(rows_at + (STARTS[c] + k[None, :])),)
    b = tl.load(bias + weight_row).to(tl.float32)
    if NORMS > 0:
        g = load_chunks(gain, WIDTHS, STARTS, COUNT)
        mean_factor = tl.load(weight_gain + weight_row)
    if scales is not None:
        weight_scale = tl.load(scales + weight_row)
    if PREFETCHED > 0:
        l2_prefetch_share(prefetch, tl.program_id(0), tl.num_programs(0), PREFETCHED, THREADS)
    launch_dependents_and_wait(PDL)
    slot = tl.arange(0, SLOTS)[:, None]
    y = tl.zeros([SLOTS, J], tl.float32)
    at = slot * outputs + n[None, :]
    written = (slot < ROWS) & (n < outputs)[None, :]
    if RESIDUAL:
        y = tl.load(residual + at, mask=written, other=0.0, cache_modifier=".cg")
    y += b[None, :]
    if scales is not None and HALF:
        w = convert_chunks(w, tl.float16, COUNT, PTX)
        weight_scale *= UP
    for r in tl.static_range(ROWS):
        row = ()
        for each in tl.static_range(COUNT):
            row += (load_chunk(x + r * K, STARTS[each], WIDTHS[each]).to(tl.float32),)
        if NORMS > 1:
            row = normalize_chunks(row, first_gain, first_shift, first_eps, K, WIDTHS, STARTS, COUNT)
        scaled = row
        if NORMS > 0:
            scaled = ()
            squares = ()
            for c in tl.static_range(COUNT):
                scaled += (row[c] * g[c].to(tl.float32),)
                squares += (row[c] * row[c],)
        weighted = ()
        for c in tl.static_range(COUNT):
            if HALF:
                weighted += (w[c] * scaled[c].to(w[c].dtype)[None, :],)
            else:
                weighted += (w[c].to(tl.float32) * scaled[c][None, :],)
        dot = sum_chunks(weighted, WIDTHS, COUNT)
        if scales is not None:
            dot *= weight_scale
        if NORMS > 0:
            mean = sum_chunks(row, WIDTHS, COUNT) / K
            variance = tl.maximum(sum_chunks(squares, WIDTHS, COUNT) / K - mean * mean, 0.0)
            dot = (dot - mean * mean_factor) * tl.rsqrt(variance + eps)
        y += tl.where(slot == r, dot[None, :], 0.0)
    if GELU:
        y = tanh_gelu(y)
    tl.store(out + at, y.to(out.dtype.element_ty), mask=written)


@dataclass(frozen=True)
class GemvShape:
    """outputs: of one program. warps: that share them; sums cross warps only where a chunk of K is wider than a
    warp reads. lane: weights that a thread has of each chunk; what it reads of x lies as these do."""

    outputs: int
    warps: int
    lane: int = 8


class GemvSize(NamedTuple):
    """rows: 1, or `MAX_GEMV_ROWS` for all from 2 on. outputs: of more than four times the inputs, that many.
    weight_bytes: of one. half: products are half precision."""

    inputs: int
    outputs: int
    rows: int
    weight_bytes: int
    half: bool

    @staticmethod
    def of_layer(inputs: int, outputs: int, rows: int, weight_bytes: int, half: bool) -> "GemvSize":
        several = 1 if rows == 1 else MAX_GEMV_ROWS
        return GemvSize(inputs, min(outputs, 4 * inputs), several, weight_bytes, half)


PROGRAMS_A_MULTIPROCESSOR = 2
"""That a layer has at least, where a program can have fewer outputs."""


def gemv_rule(size: GemvSize, card: Card) -> GemvShape:
    """As many weights as fit registers beside the rows' activations, while every multiprocessor has programs. Several
    rows are summed by one warp alone, which waits for no other; a single one is faster when four share it."""
    warps = 1 if size.half or (size.rows > 1 and size.inputs < LONG_INPUTS) else 4
    outputs = 8
    while outputs > 1 and (
        weights_a_lane(GemvShape(outputs, warps), size) > lane_budget(size, warps)
        or triton.cdiv(size.outputs, outputs) < PROGRAMS_A_MULTIPROCESSOR * card.multiprocessors
    ):
        outputs //= 2
    return GemvShape(outputs, warps, lane_width(size))


def lane_width(size: GemvSize) -> int:
    """Of 8 bits with several rows few, that more chunks are as wide as others: their products meet while they are
    halves."""
    return 4 if size.weight_bytes == 1 and size.rows > 1 else 8


def weights_a_lane(shape: GemvShape, size: GemvSize) -> int:
    """That are in registers at the same time."""
    return shape.outputs * size.inputs // (32 * shape.warps)


def lane_budget(size: GemvSize, warps: int) -> int:
    """Weights of a lane that leave room for products: conversions take more of it than products of halves."""
    if warps > 1:
        return 80
    return 320 if size.half and size.weight_bytes > 1 else 160


def gemv_candidates(size: GemvSize, card: Card) -> Iterable[GemvShape]:
    lanes, some_warps = (4, 8) if size.weight_bytes == 1 else (8,), (1, 2, 4) if size.rows == 1 else (1, 2)
    shapes = (GemvShape(outputs, warps, lane) for lane in lanes for warps in some_warps for outputs in (1, 2, 4, 8))
    return (shape for shape in shapes if 40 <= weights_a_lane(shape, size) <= 320)


GEMV = KernelFamily("GEMV", gemv_rule, gemv_candidates)


def gemv(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    out: torch.Tensor,
    *,
    norm: FoldedNorm | None = None,
    gelu: bool = False,
    residual: torch.Tensor | None = None,
    prefetch: torch.Tensor | None = None,
    scales: torch.Tensor | None = None,
    shape: GemvShape | None = None,
) -> torch.Tensor:
    """out [R, N] = (norm of) x [R, K] times weight [N, K], transposed, + bias, [GELU], + residual float32 [R, N].

    norm: one or two norms folded into this layer, with its bias. out may be the residual itself; GELU and a residual
    exclude each other. prefetch: weights of a kernel that follows soon, fetched to the L2 cache. scales: float32 [N] of
    weights in 8 bits, which otherwise have the bias's dtype. All contiguous.
    """
    outputs, inputs = weight.shape
    rows = x.shape[0]
    assert 1 <= rows <= MAX_GEMV_ROWS, f"{rows} rows"
    assert x.numel() == rows * inputs, f"x is {tuple(x.shape)}"
    assert out.shape == (rows, outputs), f"out is {tuple(out.shape)}, expected {(rows, outputs)}"
    assert all(t.is_contiguous() for t in (x, weight, bias, out)), "all must be contiguous"
    assert not (gelu and residual is not None), "GELU of a residual is no layer"
    assert (scales is None) == (weight.dtype is not torch.int8), f"weights of {weight.dtype}, scales: {scales}"
    half = bias.dtype is torch.float16 and (rows > 1 or scales is not None)
    size = GemvSize.of_layer(inputs, outputs, rows, weight.element_size(), half)
    shape = shape or GEMV.choose(size, x.device)
    widths = chunk_widths(inputs, shape.warps, shape.lane)
    prefetched, cache_lines = prefetch_arguments(prefetch, x.device)
    first_gain, first_shift, first_eps = (norm and norm.first) or (bias, bias, 0.0)
    _gemv_kernel[(triton.cdiv(outputs, shape.outputs),)](
        x, weight, norm.bias if norm else bias, out if residual is None else residual, out, first_gain, first_shift,
        norm.gain if norm else bias, norm.weight_gain if norm else bias, first_eps, norm.eps if norm else 0.0,
        x if prefetched is None else prefetched, outputs, K=inputs, LANE=shape.lane, WIDTHS=widths,
        STARTS=chunk_starts(widths), COUNT=len(widths), J=shape.outputs, ROWS=rows, SLOTS=triton.next_power_of_2(rows),
        NORMS=norm.norms if norm else 0, GELU=gelu, RESIDUAL=residual is not None, HALF=half,
        PREFETCHED=cache_lines, THREADS=32 * shape.warps, num_warps=shape.warps, **int8_options(scales, x.device),
        **pdl_options(x.device),
    )  # fmt: skip
    return out


def gemv_torch(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    *,
    norms: tuple[Norm, ...] = (),
    gelu: bool = False,
    residual: torch.Tensor | None = None,
    scales: torch.Tensor | None = None,
) -> torch.Tensor:
    """The twin of `gemv`, float32 throughout."""
    x = x.float()
    for gain, shift, eps in norms:
        x = functional.layer_norm(x, x.shape[-1:], gain.float(), shift.float(), eps)
    y = functional.linear(x, dequantize_rows(weight, scales, torch.float32), bias.float())
    if gelu:
        y = functional.gelu(y, approximate="tanh")
    return y if residual is None else y + residual

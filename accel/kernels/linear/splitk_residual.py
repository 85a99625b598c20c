"""Split-K GEMM with a residual epilogue: adds to the residual stream, and leaves what the next norm needs of it.

Dimensions: R rows, D width, K inputs, Z slices of split-K, T tiles of D.
The stream has few tiles, so K is cut as well. Of the programs that share a tile, the last to arrive puts their sums
together, always in the same order, and finishes the tile: no kernel of its own stands between two layers.
"""

from dataclasses import dataclass

import torch
import triton
import triton.language as tl

from ...quantization import dequantize_rows
from .gemm import STREAM_SCALE, check_rows, gemm_options, load_weights_then_wait, multiply_slice
from .gemm_shapes import GemmShape, choose_gemm_shape, prefetch_residual, rows_per_tile
from .int8_weights import UP


@dataclass(frozen=True, eq=False)
class ResidualStream:
    """x: float32 [R, D]. scaled: [R, D] of the weights' dtype, x times the next norm's gain and STREAM_SCALE."""

    x: torch.Tensor
    scaled: torch.Tensor

    @staticmethod
    def allocate(rows: int, width: int, dtype: torch.dtype, device: torch.device) -> "ResidualStream":
        x = torch.empty(rows, width, device=device)
        return ResidualStream(x, torch.empty(rows, width, dtype=dtype, device=device))


@dataclass(frozen=True, eq=False)
class SplitKWorkspace:
    """Of one layer: the slices' sums float32 [Z, R, D], how many have arrived at each tile int32 [T * blocks of rows],
    0 between launches, and the sums of the new stream and of its squares over each tile, float32 [2, R, T].
    """

    shape: GemmShape
    partial_sums: torch.Tensor
    arrivals: torch.Tensor
    moments: torch.Tensor

    @staticmethod
    def allocate(
        rows: int, weight: torch.Tensor, dtype: torch.dtype, shape: GemmShape | None = None
    ) -> "SplitKWorkspace":
        """For weight [D, K] and rows of dtype."""
        width, inputs = weight.shape
        shape = shape or choose_gemm_shape(weight, rows, dtype, residual=True)
        assert inputs % shape.slices == 0, f"{inputs} inputs do not split into {shape.slices}"
        tiles, device = triton.cdiv(width, shape.outputs), weight.device
        arrivals = torch.zeros(tiles * triton.cdiv(rows, rows_per_tile(rows)), dtype=torch.int32, device=device)
        partial_sums = torch.empty(shape.slices, rows, width, device=device)
        return SplitKWorkspace(shape, partial_sums, arrivals, torch.empty(2, rows, tiles, device=device))


@triton.jit
def _splitk_residual_kernel(h, weight, bias, gain, x, scaled, partial_sums, arrivals, moments, rows, outputs, scales,
                            K: tl.constexpr, SLICES: tl.constexpr, J: tl.constexpr, BLOCK_R: tl.constexpr,
                            BLOCK_K: tl.constexpr, BLOCKS: tl.constexpr, IN_FLIGHT: tl.constexpr, SPAN: tl.constexpr,
                            FOLLOWED: tl.constexpr, PREFETCH_RESIDUAL: tl.constexpr, STAGES: tl.constexpr,
                            PRECISION: tl.constexpr, PTX: tl.constexpr, PDL: tl.constexpr):  # fmt: skip
    tile, part, block = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    n = tile * J + tl.arange(0, J)
    r = block * BLOCK_R + tl.arange(0, BLOCK_R)
    row = tl.minimum(n, outputs - 1)
    b, factor = tl.load(bias + row).to(tl.float32), tl.load(gain + row).to(tl.float32) * STREAM_SCALE
    if scales is not None:
        weight_scale = tl.load(scales + row)
    at = r[:, None] * outputs + n[None, :]
    written = (r < rows)[:, None] & (n < outputs)[None, :]
    weights = load_weights_then_wait(weight, row, part, K, SLICES, BLOCK_K, BLOCKS, SPAN, STAGES, PDL)
    if PREFETCH_RESIDUAL:
        old = tl.load(x + at, mask=written, other=0.0, cache_modifier=".cg")
    y, _, _ = multiply_slice(
        h, weight, weights, moments, row, r, rows, part, 0.0, K, SLICES, BLOCK_K, BLOCKS, IN_FLIGHT, 0, 1, STAGES,
        PRECISION, PTX, PDL,
    )  # fmt: skip
    if scales is not None:
        y *= (weight_scale * UP)[None, :]
    last = True
    if SLICES > 1:
        arrived = arrivals + block * tl.num_programs(0) + tile
        tl.store(partial_sums + part * rows * outputs + at, y, mask=written)
        tl.debug_barrier()
        last = tl.atomic_add(arrived, 1, sem="acq_rel") == SLICES - 1
    if last:
        if not PREFETCH_RESIDUAL:
            old = tl.load(x + at, mask=written, other=0.0, cache_modifier=".cg")
        new = old + b[None, :]
        if SLICES > 1:
            # The next launch waits for this one.
            tl.store(arrived, 0)
            for z in tl.static_range(SLICES):
                new += tl.load(partial_sums + z * rows * outputs + at, mask=written, other=0.0, cache_modifier=".cg")
        else:
            new += y
        tl.store(x + at, new, mask=written)
        if FOLLOWED:
            tl.store(scaled + at, (new * factor[None, :]).to(scaled.dtype.element_ty), mask=written)
            new = tl.where(written, new, 0.0)
            tiles = tl.num_programs(0)
            mine = moments + r * tiles + tile
            tl.store(mine, tl.sum(new, axis=1), mask=r < rows)
            tl.store(mine + rows * tiles, tl.sum(new * new, axis=1), mask=r < rows)


def splitk_residual_gemm(
    h: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    stream: ResidualStream,
    workspace: SplitKWorkspace,
    gain: torch.Tensor | None,
    scales: torch.Tensor | None = None,
) -> None:
    """stream.x += h [R, K] times weight [D, K], transposed, + bias, in place.

    gain [D]: of the norm that follows; `stream.scaled` and `workspace.moments` are written for it. scales:
    float32 [D] of weights in 8 bits. All contiguous.
    """
    width, rows = weight.shape[0], h.shape[0]
    check_rows(h, weight, scales)
    assert stream.x.shape == stream.scaled.shape == (rows, width), f"the stream is {tuple(stream.x.shape)}"
    assert workspace.partial_sums.shape[1:] == (rows, width), f"the workspace is {tuple(workspace.partial_sums.shape)}"
    assert all(t.is_contiguous() for t in (h, weight, bias, stream.x, stream.scaled)), "all must be contiguous"
    block_rows, shape = rows_per_tile(rows), workspace.shape
    _splitk_residual_kernel[(triton.cdiv(width, shape.outputs), shape.slices, triton.cdiv(rows, block_rows))](
        h, weight, bias, bias if gain is None else gain, stream.x, stream.scaled, workspace.partial_sums,
        workspace.arrivals, workspace.moments, rows, width, FOLLOWED=gain is not None,
        PREFETCH_RESIDUAL=prefetch_residual(rows), **gemm_options(h, weight, scales, shape),
    )  # fmt: skip


def splitk_residual_gemm_torch(
    x: torch.Tensor,
    h: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    gain: torch.Tensor,
    scales: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The twin of `splitk_residual_gemm`: the new x, scaled, and moments over all of the width [2, R], float32."""
    x = x + torch.nn.functional.linear(h.float(), dequantize_rows(weight, scales, torch.float32), bias.float())
    return x, x * gain.float() * STREAM_SCALE.value, torch.stack([x.sum(dim=1), (x * x).sum(dim=1)])

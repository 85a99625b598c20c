"""GEMM tile shapes of a linear layer, by its size, its rows and the shared memory (smem) of the card.

Dimensions: R rows, K inputs, N outputs.
"""

import functools
import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
import triton

from ....runtime.card import Card
from ....runtime.kernel_shapes import KernelFamily
from ..pdl import supports_pdl, triton_version

logger = logging.getLogger(__name__)

TRITON_WITH_EAGER_SMEM = (3, 5), (3, 8)
"""The first and the last Triton known to put weights into shared memory where they are loaded. 3.9 leaves them in
registers until they are multiplied, which are too few for them."""

IN_FLIGHT_BYTES = 640
"""Of rows, that a thread of a weight-stationary tile has in flight: what else fits its registers."""

IN_FLIGHT_SECONDS = 2.4e-6
"""Three times what a load takes to come: what the shapes that were fastest on an H200 have under way, at least."""


@dataclass(frozen=True)
class GemmShape:
    """outputs of one program. block: inputs multiplied at once. slices: of split-K, a program each. stages: of the
    software pipeline that streams weights and rows, or 0 where a program holds all its weights before the rows come
    (weight_stationary.py).
    """

    outputs: int
    block: int
    slices: int
    stages: int
    warps: int

    def block_count(self, inputs: int) -> int:
        """Of one slice."""
        return triton.cdiv(inputs // self.slices, self.block)

    def blocks_in_flight(self, inputs: int, block_rows: int, itemsize: int) -> int:
        """Blocks of rows that are loaded before the first is multiplied."""
        each = block_rows * self.block * itemsize // (32 * self.warps)
        return max(1, min(self.block_count(inputs), IN_FLIGHT_BYTES // max(1, each)))

    def smem_bytes(self, inputs: int, block_rows: int, itemsize: int) -> int:
        """Of weights that stay and a block of rows, of the same precision."""
        return (self.outputs * (inputs // self.slices) + block_rows * self.block) * itemsize


def rows_per_tile(rows: int) -> int:
    """Rows of a tile."""
    return max(16, min(64, triton.next_power_of_2(rows)))


def prefetch_residual(rows: int) -> bool:
    """Whether the residual is loaded before the products: not with 17 to 32 rows, whose programs lack the
    registers. Measured on an H200."""
    return rows_per_tile(rows) != 32


class GemmSize(NamedTuple):
    """outputs: of more than four times the inputs, that many. rows: of a tile. weight_bytes, row_bytes: of a weight and
    of a number in x. residual: whether split-K is possible (splitk_residual.py)."""

    inputs: int
    outputs: int
    rows: int
    weight_bytes: int
    row_bytes: int
    residual: bool


def choose_gemm_shape(weight: torch.Tensor, rows: int, dtype: torch.dtype, residual: bool) -> GemmShape:
    """For weight [N, K] and rows of dtype."""
    outputs, inputs = weight.shape
    size = GemmSize(
        inputs, min(outputs, 4 * inputs), rows_per_tile(rows), weight.element_size(), dtype.itemsize, residual
    )
    return GEMM.choose(size, weight.device)


def gemm_rule(size: GemmSize, card: Card) -> GemmShape:
    """Weight-stationary where that was measured to be faster and fits shared memory; else streaming."""
    shape = stationary_shape(size) if can_hold_weights(size, card) else None
    if shape is not None and gemm_fits(shape, size, card):
        return shape
    return with_enough_stages(streaming_shape(size), size, card)


def can_hold_weights(size: GemmSize, card: Card) -> bool:
    """Weights of 8 bits stream: what stays in shared memory would be what they are converted to."""
    return size.weight_bytes == size.row_bytes == 2 and supports_pdl(card) and _has_eager_smem()


@functools.cache
def _has_eager_smem() -> bool:
    oldest, newest = TRITON_WITH_EAGER_SMEM
    if not oldest <= triton_version() <= newest:
        logger.info("several lines decode up to a fifth slower with Triton %s than with 3.5 to 3.8", triton.__version__)
        return False
    return True


def stationary_shape(size: GemmSize) -> GemmShape | None:
    """Weight-stationary shapes that were fastest within a whole step on an H200 or, with more than 16 rows, an H100;
    None where streaming was. The more rows, the more of what is read are rows: a few large tiles read least of them."""
    wide, long = size.outputs > 2048, size.inputs > 2048
    if size.rows > 16 and (wide or (long and size.rows > 32)):
        return None
    if wide:
        shape = GemmShape(64, 256 if size.outputs > 4096 else 128, 1, 0, 4)
    elif long:
        shape = GemmShape(32, 128, 8 if size.residual else 1, 0, 4)
    elif size.rows <= 16:
        shape = GemmShape(32, 128, 1, 0, 4)
    else:
        shape = GemmShape(16, 64, 1, 0, 4) if size.rows <= 32 else GemmShape(32, 64, 2 if size.residual else 1, 0, 4)
    return shape if size.inputs % (shape.block * shape.slices) == 0 else None


def streaming_shape(size: GemmSize) -> GemmShape:
    """Up to 16 rows small tiles with many loads under way; with more, larger ones, whose rows are read less often."""
    slices, block = splitk_slices(size), 128 if size.weight_bytes == 1 else 256 // size.weight_bytes
    if size.rows <= 16:
        return GemmShape(16, block, slices, 10, 1) if slices == 1 else GemmShape(16, block, slices, 6, 2)
    if size.weight_bytes == 1:
        return GemmShape(64, block, slices, 6 if slices == 1 else 4, 4)
    if slices == 1:
        return GemmShape(64, block, 1, 4 if size.outputs > 4096 else 8 if size.rows <= 32 else 6, 4)
    if size.inputs > 2048:
        return GemmShape(32 if size.rows <= 32 else 64, block, slices, 4, 4)
    return GemmShape(64, block, slices, 2, 4)


def splitk_slices(size: GemmSize) -> int:
    """Slices of split-K: one where the outputs alone make programs enough, else as many as leave each a few blocks."""
    if size.outputs > 2048 or not size.residual:
        return 1
    long = size.inputs > 2048
    most = 640 if size.rows <= (32 if long else 16) else 1024 if long else 256
    return next((z for z in (1, 2, 4, 5, 8, 16) if size.inputs // z <= most and size.inputs % (128 * z) == 0), 1)


def with_enough_stages(shape: GemmShape, size: GemmSize, card: Card) -> GemmShape:
    """Its stages, or as many as shared memory holds, or as are enough: together the programs have `IN_FLIGHT_SECONDS`
    of the card's bandwidth under way."""
    tiles = triton.cdiv(size.outputs, shape.outputs) * shape.slices
    each = tiles * shape.outputs * shape.block * size.weight_bytes
    enough = 1 + math.ceil(IN_FLIGHT_SECONDS * card.bandwidth / each) if card.bandwidth else shape.stages
    return replace(shape, stages=max(1, min(shape.stages, card.smem_bytes // stage_bytes(shape, size), enough)))


def stage_bytes(shape: GemmShape, size: GemmSize) -> int:
    """A tile of weights and one of rows."""
    return (shape.outputs * size.weight_bytes + size.rows * size.row_bytes) * shape.block


def gemm_fits(shape: GemmShape, size: GemmSize, card: Card) -> bool:
    if size.inputs % shape.slices:
        return False
    if shape.stages:
        return shape.stages * stage_bytes(shape, size) <= card.smem_bytes
    whole = size.inputs % (shape.block * shape.slices) == 0
    return whole and shape.smem_bytes(size.inputs, size.rows, size.row_bytes) <= card.smem_bytes


STREAMING = ((16, 6, 2), (32, 4, 4), (64, 4, 4), (16, 10, 1), (64, 6, 4))
"""Outputs, stages and warps; split-K, which has more programs, does without the last two."""
STATIONARY = ((16, 64), (32, 64), (32, 128), (64, 128), (64, 256))
"""Outputs and block; split-K does without the last two."""


def gemm_candidates(size: GemmSize, card: Card) -> Iterable[GemmShape]:
    """Tiles with no, few and many slices where there may be some, each of four blocks at least and 2048 inputs at
    most."""
    block, (slices, count) = streaming_shape(size).block, ((1, 2, 5, 8), 3) if size.residual else ((1,), 5)
    tiles, held = STREAMING[:count], STATIONARY[:count] if can_hold_weights(size, card) else ()
    shapes = [GemmShape(outputs, block, z, stages, warps) for outputs, stages, warps in tiles for z in slices]
    shapes += [GemmShape(outputs, width, z, 0, 4) for outputs, width in held for z in slices]
    parted = (shape for shape in shapes if size.inputs % shape.slices == 0 and size.inputs // shape.slices <= 2048)
    return (shape for shape in parted if shape.block_count(size.inputs) >= 4)


GEMM = KernelFamily("GEMM", gemm_rule, gemm_candidates, gemm_fits)

"""GEMM tile shapes of a linear layer, by its size, its rows and the shared memory (smem) of the chip.

Dimensions: R rows, K inputs, N outputs.
"""

import functools
import logging
from dataclasses import dataclass

import torch
import triton

from ..pdl import supports_pdl, triton_version

logger = logging.getLogger(__name__)

TRITON_WITH_EAGER_SMEM = (3, 5), (3, 8)
"""The first and the last Triton known to put weights into shared memory where they are loaded. 3.9 leaves them in
registers until they are multiplied, which are too few for them."""

IN_FLIGHT_BYTES = 640
"""Of rows, that a thread of a weight-stationary tile has in flight: what else fits its registers."""


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


def choose_gemm_shape(inputs: int, outputs: int, rows: int, dtype: torch.dtype, device: torch.device) -> GemmShape:
    """Weight-stationary where that was measured to be faster and fits shared memory; else streaming. dtype: of the
    weights."""
    if dtype is torch.int8:
        return int8_shape(inputs, outputs, rows)
    if dtype.itemsize == 2 and supports_pdl(device) and _has_eager_smem():
        shape, block_rows = stationary_shape(inputs, outputs, rows), rows_per_tile(rows)
        if shape is not None and shape.smem_bytes(inputs, block_rows, dtype.itemsize) <= max_smem_bytes(device):
            return shape
    return streaming_shape(inputs, outputs, rows, dtype.itemsize)


@functools.cache
def _has_eager_smem() -> bool:
    oldest, newest = TRITON_WITH_EAGER_SMEM
    if not oldest <= triton_version() <= newest:
        logger.info("several lines decode up to a fifth slower with Triton %s than with 3.5 to 3.8", triton.__version__)
        return False
    return True


def stationary_shape(inputs: int, outputs: int, rows: int) -> GemmShape | None:
    """Weight-stationary shapes that were fastest within a whole step on an H200 or, with more than 16 rows, an H100;
    None where streaming was. The more rows, the more of what is read are rows: a few large tiles read least of them."""
    wide, long = outputs > 2048, inputs > 2048
    if rows > 16 and (wide or (long and rows > 32)):
        return None
    if wide:
        shape = GemmShape(64, 256 if outputs > 4096 else 128, 1, 0, 4)
    elif long:
        shape = GemmShape(32, 128, 8, 0, 4)
    elif rows <= 16:
        shape = GemmShape(32, 128, 1, 0, 4)
    else:
        shape = GemmShape(16, 64, 1, 0, 4) if rows <= 32 else GemmShape(32, 64, 2, 0, 4)
    return shape if inputs % (shape.block * shape.slices) == 0 else None


def streaming_shape(inputs: int, outputs: int, rows: int, itemsize: int) -> GemmShape:
    """Up to 16 rows small tiles with many loads under way; with more, larger ones, whose rows are read less often."""
    slices, block = splitk_slices(inputs, outputs, rows), 256 // itemsize
    if rows <= 16:
        return GemmShape(16, block, slices, 10, 1) if slices == 1 else GemmShape(16, block, slices, 6, 2)
    if slices == 1:
        return GemmShape(64, block, 1, 4 if outputs > 4096 else 8 if rows <= 32 else 6, 4)
    if inputs > 2048:
        return GemmShape(32 if rows <= 32 else 64, block, slices, 4, 4)
    return GemmShape(64, block, slices, 2, 4)


def int8_shape(inputs: int, outputs: int, rows: int) -> GemmShape:
    """Weights of 8 bits stream: what stays in shared memory would be what they are converted to."""
    slices = splitk_slices(inputs, outputs, rows)
    if rows <= 16:
        return GemmShape(16, 128, slices, 10, 1) if slices == 1 else GemmShape(16, 128, slices, 6, 2)
    return GemmShape(64, 128, slices, 6 if slices == 1 else 4, 4)


def splitk_slices(inputs: int, outputs: int, rows: int) -> int:
    """Slices of split-K: one where the outputs alone make programs enough, else as many as leave each a few blocks."""
    if outputs > 2048:
        return 1
    long = inputs > 2048
    most = 640 if rows <= (32 if long else 16) else 1024 if long else 256
    return next((z for z in (1, 2, 4, 5, 8, 16) if inputs // z <= most and inputs % (128 * z) == 0), 1)


def pipeline_stages(
    shape: GemmShape, block_rows: int, row_itemsize: int, weight_itemsize: int, device: torch.device
) -> int:
    """Those of the shape, or as many as the chip's shared memory holds."""
    if shape.stages == 0 or device.type != "cuda":
        return shape.stages
    each = (shape.outputs * weight_itemsize + block_rows * row_itemsize) * shape.block
    return max(1, min(shape.stages, max_smem_bytes(device) // each))


def max_smem_bytes(device: torch.device) -> int:
    """Bytes of shared memory that one program may have."""
    properties = triton.runtime.driver.active.utils.get_device_properties(device.index or 0)
    return properties["max_shared_mem"]

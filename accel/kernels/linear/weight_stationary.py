"""Weight-stationary tiles: a program loads all its weights while the kernel before it still
runs, so that between two kernels only the rows are waited for.

The compiler puts a weight that is loaded to be multiplied into shared memory at once. Rows come as late as they must,
many blocks in flight at the same time, and pass through one small buffer.

Dimensions: R rows, K inputs, J outputs of a program.
"""

import triton
import triton.language as tl

from .int8_weights import convert_weights


@triton.jit
def load_weight_tiles(weight, rows, first, K: tl.constexpr, BLOCK_K: tl.constexpr, BLOCKS: tl.constexpr):
    """Rows [J] of the weights from input `first` on, transposed: a tuple of [block, J]."""
    at = weight + rows[None, :].to(tl.int64) * K + (first + tl.arange(0, BLOCK_K))[:, None]
    blocks = ()
    for c in tl.static_range(BLOCKS):
        blocks += (tl.load(at + c * BLOCK_K),)
    return blocks


@triton.jit
def load_first_rows(x, rows, first, K: tl.constexpr, BLOCK_K: tl.constexpr, IN_FLIGHT: tl.constexpr):
    """Rows [R] of x from input `first` on, IN_FLIGHT blocks: a tuple of [R, block]."""
    at = x + rows[:, None] * K + (first + tl.arange(0, BLOCK_K))[None, :]
    blocks = ()
    for c in tl.static_range(IN_FLIGHT):
        blocks += (tl.load(at + c * BLOCK_K),)
    return blocks


@triton.jit
def _keep_in_registers(x, PDL: tl.constexpr):
    """x. Without this the compiler gives every block a place of its own in shared memory as soon as it is loaded."""
    if PDL and x.dtype.primitive_bitwidth == 16:
        x = tl.inline_asm_elementwise("mov.b32 $0, $1;", "=r,r", [x], dtype=x.dtype, is_pure=False, pack=2)
    return x


@triton.jit
def multiply_stationary(weights, first_blocks, x, rows, first, K: tl.constexpr, BLOCK_K: tl.constexpr,
                        BLOCKS: tl.constexpr, IN_FLIGHT: tl.constexpr, PRECISION: tl.constexpr, PTX: tl.constexpr,
                        PDL: tl.constexpr):  # fmt: skip
    """What `load_first_rows` loaded, and the blocks after that, times `load_weight_tiles`: float32 [R, J]."""
    at = x + rows[:, None] * K + (first + tl.arange(0, BLOCK_K))[None, :]
    acc = tl.zeros([first_blocks[0].shape[0], weights[0].shape[1]], tl.float32)
    for c in tl.static_range(BLOCKS):
        block = _keep_in_registers(first_blocks[c], PDL)
        if c + IN_FLIGHT < BLOCKS:
            first_blocks += (tl.load(at + (c + IN_FLIGHT) * BLOCK_K),)
        w = weights[c]
        if w.dtype == tl.int8:
            w = convert_weights(w, block.dtype, PTX)
        acc = tl.dot(block, w, acc, input_precision=PRECISION)
    return acc

"""Weights on their way to the second-level cache before the kernel that multiplies by them runs.

A decode step is a chain of short kernels, and each waits for the one before it: without this, memory rests between
them. Bytes are asked for a cache line at a time, every program a share of them.
"""

import torch
import triton
import triton.language as tl

from .pdl import overlaps

LINE_BYTES = tl.constexpr(128)


@triton.jit
def prefetch(pointers):
    """Have the lines of `pointers` fetched. Nothing waits for them."""
    tl.inline_asm_elementwise(
        "prefetch.global.L2 [$1]; mov.b32 $0, 0;",
        "=r,l",
        [pointers.to(tl.int64)],
        dtype=tl.int32,
        is_pure=False,
        pack=1,
    )


@triton.jit
def fetch_ahead(ahead, program, programs, LINES: tl.constexpr, LANES: tl.constexpr):
    """This program's share of the LINES cache lines at `ahead`, bytes."""
    for first in range(program * LANES, LINES, programs * LANES):
        line = tl.minimum(first + tl.arange(0, LANES), LINES - 1)
        prefetch(ahead + line * LINE_BYTES)


def ahead_of(weights: torch.Tensor | None, device: torch.device) -> tuple[torch.Tensor | None, int]:
    """What `fetch_ahead` takes: `weights` as bytes, and how many lines they are; none where kernels do not overlap."""
    if weights is None or not overlaps(device):
        return None, 0
    return weights.view(torch.uint8), weights.nbytes // LINE_BYTES.value

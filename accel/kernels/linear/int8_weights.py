"""Weights of 8 bits become numbers of half precision in registers; their rows' scales meet the finished sums.

A byte w + 128 under the exponent of 4 is the half 4 + (w + 128) / 256: four weights take a permutation and a
subtraction for each two of them, where a conversion for each would take longer than memory. They come as w / 256, so
that products leave half precision no sooner than those of the weights themselves.
"""

from typing import Any

import torch
import triton
import triton.language as tl

UP = tl.constexpr(256.0)
"""Factor of sums over converted weights."""

_HALVES_PTX = tl.constexpr(
    "{ .reg .b32 bytes, bias; xor.b32 bytes, $2, 0x80808080; mov.b32 bias, 0x44804480; "
    "prmt.b32 $0, bytes, 0x44444444, 0x4140; prmt.b32 $1, bytes, 0x44444444, 0x4342; "
    "sub.f16x2 $0, $0, bias; sub.f16x2 $1, $1, bias; }"
)


@triton.jit
def convert_weights(w, dtype: tl.constexpr, PTX: tl.constexpr):
    """int8 weights / UP, exactly, as numbers of `dtype`."""
    if PTX and dtype == tl.float16:
        w = tl.inline_asm_elementwise(_HALVES_PTX, "=r,=r,r", [w], dtype=tl.float16, is_pure=True, pack=4)
    else:
        w = w.to(dtype) * (1.0 / UP)
    return w


@triton.jit
def convert_chunks(w, dtype: tl.constexpr, COUNT: tl.constexpr, PTX: tl.constexpr):
    """The same of a tuple of chunks."""
    converted = ()
    for c in tl.static_range(COUNT):
        converted += (convert_weights(w[c], dtype, PTX),)
    return converted


def speaks_ptx(device: torch.device) -> bool:
    """Whether kernels may hold instructions of the chip's own: not through the interpreter, nor on an emulated CUDA."""
    return device.type == "cuda" and torch.version.cuda is not None


def int8_options(scales: torch.Tensor | None, device: torch.device) -> dict[str, Any]:
    """Keyword arguments of a launch: the scales of its weights, and how they are converted."""
    return {"scales": scales, "PTX": scales is not None and speaks_ptx(device)}

"""Attention within each packed line, as one Triton kernel (Dao et al. 2022); its twin is `packed_attention_torch`.

A program takes BLOCK_Q queries of one head and walks over its line's keys; what lies behind the line's end is masked
in the last block only. Which rows a program takes is read from `tiles`, so that a captured graph serves any lengths.
Dimensions: N tokens, H heads, E head width, Z tiles.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..runtime.card import Card, pipeline_buffers
from ..runtime.device_capability import HEAD_WIDTHS
from ..runtime.kernel_shapes import KernelFamily
from .packing import QUERY_TILE, Packing


@triton.jit
def _softmax_step(scores_max, total, acc, q, k, v, inside, scale, MASK: tl.constexpr, PRECISION: tl.constexpr):
    """One block of keys in the online softmax, base 2. scores_max is scaled: weights cost one multiply-add each."""
    scores = tl.dot(q, k, input_precision=PRECISION)
    if MASK:
        scores = tl.where(inside[None, :], scores, float("-inf"))
    highest = tl.maximum(scores_max, tl.max(scores, 1) * scale)
    weights = tl.exp2(scores * scale - highest[:, None])
    fade = tl.exp2(scores_max - highest)
    total = total * fade + tl.sum(weights, 1)
    acc = tl.dot(weights.to(v.dtype), v, acc * fade[:, None], input_precision=PRECISION)
    return highest, total, acc


@triton.jit
def _packed_attention_kernel(qkv, out, tiles, scale, HEADS: tl.constexpr, HEAD: tl.constexpr, BLOCK_Q: tl.constexpr,
                             BLOCK_K: tl.constexpr, PRECISION: tl.constexpr):  # fmt: skip
    tile = tl.program_id(0)
    head = tl.program_id(1)
    first = tl.load(tiles + tile * 3)
    start = tl.load(tiles + tile * 3 + 1)
    end = tl.load(tiles + tile * 3 + 2)
    width: tl.constexpr = HEADS * HEAD
    channel = head * HEAD + tl.arange(0, HEAD)
    row = first + tl.arange(0, BLOCK_Q)
    column = tl.arange(0, BLOCK_K)
    q = tl.load(qkv + row[:, None] * (3 * width) + channel[None, :], mask=(row < end)[:, None], other=0.0)
    keys = qkv + width + (start + column[None, :]) * (3 * width) + channel[:, None]
    values = qkv + 2 * width + (start + column[:, None]) * (3 * width) + channel[None, :]
    scores_max = tl.full([BLOCK_Q], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK_Q], tl.float32)
    acc = tl.zeros([BLOCK_Q, HEAD], tl.float32)
    whole = (end - start) // BLOCK_K * BLOCK_K
    for at in range(0, whole, BLOCK_K):
        k, v = tl.load(keys + at * (3 * width)), tl.load(values + at * (3 * width))
        scores_max, total, acc = _softmax_step(scores_max, total, acc, q, k, v, column, scale, False, PRECISION)
    if whole < end - start:
        inside = column < end - start - whole
        k = tl.load(keys + whole * (3 * width), mask=inside[None, :], other=0.0)
        v = tl.load(values + whole * (3 * width), mask=inside[:, None], other=0.0)
        scores_max, total, acc = _softmax_step(scores_max, total, acc, q, k, v, inside, scale, True, PRECISION)
    result = (acc / total[:, None]).to(out.dtype.element_ty)
    tl.store(out + row[:, None] * width + channel[None, :], result, mask=(row < end)[:, None])


@dataclass(frozen=True)
class FlowAttentionShape:
    """keys: of a block. stages: blocks of keys and values under way, the one in use among them."""

    keys: int
    warps: int
    stages: int


class FlowAttentionSize(NamedTuple):
    """width: of a head."""

    width: int
    half: bool


def flow_attention_rule(size: FlowAttentionSize, card: Card) -> FlowAttentionShape:
    """Measured on an H200."""
    return FlowAttentionShape(64, 4, 3) if size.half else FlowAttentionShape(32, 8, 2)


def flow_attention_candidates(size: FlowAttentionSize, card: Card) -> Iterable[FlowAttentionShape]:
    shapes = (32, 4, 3), (64, 4, 2), (64, 4, 3), (64, 4, 4), (64, 8, 3), (128, 4, 2), (128, 8, 2)
    return (FlowAttentionShape(*shape) for shape in shapes)


def flow_attention_fits(shape: FlowAttentionShape, size: FlowAttentionSize, card: Card) -> bool:
    itemsize = 2 if size.half else 4
    rows = QUERY_TILE + 2 * shape.keys * pipeline_buffers(shape.stages, card)
    return rows * size.width * itemsize <= card.smem_bytes


FLOW_ATTENTION = KernelFamily("flow attention", flow_attention_rule, flow_attention_candidates, flow_attention_fits)


def packed_attention(qkv: Tensor, packing: Packing) -> Tensor:
    """As `packed_attention_torch`, padding left unwritten. qkv contiguous [N, 3, H, E] to [N, H * E].

    E must be one of `HEAD_WIDTHS`.
    """
    tokens, three, heads, width = qkv.shape
    assert three == 3 and qkv.is_contiguous(), f"got shape {tuple(qkv.shape)}, strides {qkv.stride()}"
    assert width in HEAD_WIDTHS, f"head width {width}"
    tiles = packing.attention_tiles
    out = qkv.new_empty(tokens, heads * width)
    half = qkv.dtype in (torch.float16, torch.bfloat16)
    shape = FLOW_ATTENTION.choose(FlowAttentionSize(width, half), qkv.device)
    _packed_attention_kernel[(tiles.shape[0], heads)](
        qkv, out, tiles, width**-0.5 * 1.4426950408889634,
        HEADS=heads, HEAD=width, BLOCK_Q=QUERY_TILE, BLOCK_K=shape.keys,
        PRECISION="tf32" if half else "ieee", num_warps=shape.warps, num_stages=shape.stages,
    )  # fmt: skip
    return out

"""As paged_attention.py, over a compact cache.

Dimensions: R rows, H heads, W head width, Q = W / 4, S page size, C block table columns, P parts of a context, T tokens
at once.
"""

import torch
import triton
import triton.language as tl

from ..compact_cache import unpacked_keys, unpacked_values
from ..kv_cache import Pages
from .compact import dots, fast, four_values, packed_query, quarters, store_token
from .context import NOTHING
from .overlap import launch_options, let_next_start, wait_for_last
from .paged_attention import NewToken, Parts, check, fresh, hand_in, paged_attention_torch

TOKENS = 32


@triton.jit
def _window(keys, scales, upper, lower, table, first, last, head, HEADS: tl.constexpr, QUARTER: tl.constexpr,
            PAGE: tl.constexpr, TOKENS: tl.constexpr):  # fmt: skip
    """Tokens first … first + T - 1 of one page, those below `last`: words [T, Q] and scales [T]."""
    page = tl.load(table + first // PAGE, mask=first < last, other=0).to(tl.int64)
    slot = (page * HEADS + head) * PAGE + first % PAGE + tl.arange(0, TOKENS)
    live = first + tl.arange(0, TOKENS) < last
    at, inside = slot[:, None] * QUARTER + tl.arange(0, QUARTER)[None, :], live[:, None]
    k = tl.load(keys + at, mask=inside, other=0)
    scale = tl.load(scales + slot, mask=live, other=0.0)
    high = tl.load(upper + at, mask=inside, other=0)
    low = tl.load(lower + at, mask=inside, other=0)
    return k, scale, high, low


@triton.jit
def _over_context(qa, qb, qc, qd, factor, window, keys, scales, upper, lower, table, first, last, head,
                  HEADS: tl.constexpr, QUARTER: tl.constexpr, PAGE: tl.constexpr, TOKENS: tl.constexpr,
                  FAST: tl.constexpr):  # fmt: skip
    """A query over tokens first … last - 1, of which `window` holds the first: the highest score, masses [T] relative
    to it and weighted values, quarters [T, Q]."""
    k, scale, high, low = window
    coarse, fine, level = packed_query(qa, qb, qc, qd)
    coarse, fine, level = coarse[None, :], fine[None, :], level * factor
    t = tl.arange(0, TOKENS)
    top = tl.full([], NOTHING, tl.float32)
    mass = tl.zeros([TOKENS], tl.float32)
    sum_a = tl.zeros([TOKENS, QUARTER], tl.float32)
    sum_b, sum_c, sum_d = sum_a, sum_a, sum_a
    for start in range(first, last, TOKENS):
        products = (dots(k, coarse, FAST) << 7) + dots(k, fine, FAST)
        score = tl.sum(products, axis=1).to(tl.float32) * (scale.to(tl.float32) * level)
        score = tl.where(start + t < last, score, NOTHING)
        highest = tl.max(score, axis=0)
        if highest > top:
            shrink = tl.exp(top - highest)
            mass, sum_a, sum_b = mass * shrink, sum_a * shrink, sum_b * shrink
            sum_c, sum_d = sum_c * shrink, sum_d * shrink
            top = highest
        weight = tl.exp(score - top)
        mass += weight
        a, b, c, d = four_values(high, low, FAST)
        w = weight[:, None]
        sum_a, sum_b, sum_c, sum_d = sum_a + w * a, sum_b + w * b, sum_c + w * c, sum_d + w * d
        k, scale, high, low = _window(
            keys, scales, upper, lower, table, start + TOKENS, last, head, HEADS, QUARTER, PAGE, TOKENS
        )  # fmt: skip
    return top, mass, sum_a, sum_b, sum_c, sum_d


@triton.jit
def _together(top, mass, sum_a, sum_b, sum_c, sum_d, score, value, WIDTH: tl.constexpr):
    """What `_over_context` found and one token more, unless its score is NOTHING: the mean value [W], the log-mass."""
    va, vb, vc, vd = value
    highest = tl.maximum(top, score)
    share = tl.exp(top - highest)
    own = tl.where(score > NOTHING, tl.exp(score - highest), 0.0)
    total = tl.maximum(tl.sum(mass, axis=0) * share + own, 1e-30)
    a, b = tl.sum(sum_a, axis=0) * share + own * va, tl.sum(sum_b, axis=0) * share + own * vb
    c, d = tl.sum(sum_c, axis=0) * share + own * vc, tl.sum(sum_d, axis=0) * share + own * vd
    # [Q, 2, 2] whose last two say which quarter, the second in pairs.
    pairs = tl.join(tl.join(a, b), tl.join(c, d))
    return tl.reshape(tl.permute(pairs, (2, 1, 0)), [WIDTH]) / total, highest + tl.log(total)


@triton.jit
def _compact_attention(queries, new_keys, new_values, keys, scales, upper, lower, tables, lengths, out, parts, masses,
                       arrivals, row_stride, columns, factor, HEADS: tl.constexpr, WIDTH: tl.constexpr,
                       PAGE: tl.constexpr, PARTS: tl.constexpr, TOKENS: tl.constexpr, NEW: tl.constexpr,
                       FAST: tl.constexpr, OVERLAP: tl.constexpr):  # fmt: skip
    QUARTER: tl.constexpr = WIDTH // 4
    head, part, row = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    length = tl.load(lengths + row)
    table = tables + row * columns
    each = tl.cdiv(tl.cdiv(length, TOKENS), PARTS) * TOKENS
    first = part * each
    last = tl.minimum(first + each, length)
    window = _window(keys, scales, upper, lower, table, first, last, head, HEADS, QUARTER, PAGE, TOKENS)
    wait_for_last(OVERLAP)
    at = row * row_stride + head * WIDTH
    qa, qb, qc, qd = quarters(queries + at, QUARTER)
    top, mass, sum_a, sum_b, sum_c, sum_d = _over_context(
        qa, qb, qc, qd, factor, window, keys, scales, upper, lower, table, first, last, head, HEADS, QUARTER, PAGE,
        TOKENS, FAST,
    )  # fmt: skip
    score = tl.full([], NOTHING, tl.float32)
    value = qa, qb, qc, qd
    if NEW:
        # The first part stores the new token and adds it as one more place.
        ka, kb, kc, kd = quarters(new_keys + at, QUARTER)
        value = quarters(new_values + at, QUARTER)
        if part == 0:
            token = tl.minimum(length, columns * PAGE - 1)
            slot = (tl.load(table + token // PAGE).to(tl.int64) * HEADS + head) * PAGE + token % PAGE
            store_token((ka, kb, kc, kd), value, keys, scales, upper, lower, slot, QUARTER)
            score = tl.sum(qa * ka + qb * kb + qc * kc + qd * kd, axis=0) * factor
    # Not before: what the next kernel loads would come at the expense of keys and values.
    let_next_start(OVERLAP)
    result, mass = _together(top, mass, sum_a, sum_b, sum_c, sum_d, score, value, WIDTH)
    hand_in(result, mass, out, parts, masses, arrivals, row, head, part, HEADS, WIDTH, PARTS)


def parts_for(rows: int, heads: int) -> int:
    """Parts of a context, a power of two. Many contexts hide each other's waiting. Measured on an H100 and an H200."""
    if rows * heads >= 640:
        return 1
    return 4 if rows * heads >= 320 else 8


def attend_compact(
    queries: torch.Tensor,
    pages: Pages,
    block_tables: torch.Tensor,
    lengths: torch.Tensor,
    out: torch.Tensor,
    parts: Parts,
    new: NewToken | None = None,
) -> torch.Tensor:
    """`paged_attention.attend`, the pages those of a compact cache. A new token is attended to as it is, not as it is
    kept."""
    rows, heads, width = queries.shape
    page = pages[0].shape[2]
    tokens = min(TOKENS, page)
    check(queries, pages, block_tables, lengths, out, parts, new)
    assert page % tokens == 0, f"pages of {page} tokens, expected a multiple of {TOKENS}"
    new_keys, new_values = new or (queries, queries)
    _compact_attention[(heads, parts.count, rows)](
        queries, new_keys, new_values, *pages, block_tables, lengths, out, parts.sums, parts.masses, parts.arrivals,
        queries.stride(0), block_tables.stride(0), width**-0.5, HEADS=heads, WIDTH=width, PAGE=page, PARTS=parts.count,
        TOKENS=tokens, NEW=new is not None, FAST=fast(queries.device), num_warps=1, **launch_options(queries.device),
    )  # fmt: skip
    return out


def compact_attention(
    queries: torch.Tensor,
    pages: Pages,
    block_tables: torch.Tensor,
    lengths: torch.Tensor,
    new: NewToken | None = None,
) -> torch.Tensor:
    """[R, H, W]: see `attend_compact`."""
    out, parts = fresh(queries, parts_for(*queries.shape[:2]))
    return attend_compact(queries, pages, block_tables, lengths, out, parts, new)


def compact_attention_torch(
    queries: torch.Tensor, pages: Pages, block_tables: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    """The twin of `compact_attention` without `new`."""
    keys, scales, upper, lower = pages
    unpacked = unpacked_keys(keys, scales).transpose(1, 2), unpacked_values(upper, lower).transpose(1, 2)
    return paged_attention_torch(queries.float(), unpacked, block_tables, lengths).to(queries.dtype)

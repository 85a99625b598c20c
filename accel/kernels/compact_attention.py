"""As paged_attention.py, over a compact cache.

Dimensions: R rows, H heads, W head width, Q = W / 4, G = Q / 4, S page size, C block table columns, P parts of a
context, T tokens at once, E of them in one lane.
Scores are exponents of two until they leave as masses.
Registers are what counts: a multiprocessor has room for twelve programs of up to 168 and for eight of more, and where
1,280 must fit on 132 that is one wave or two. So a lane adds its own tokens up at once instead of at the end.
"""

import math

import torch
import triton
import triton.language as tl

from ..compact_cache import unpacked
from ..kv_cache import Pages
from .compact import (
    INTEGER_OF_ZERO,
    UNIT,
    dots,
    fast,
    four_integers,
    head_at,
    packed_query,
    place_of,
    scales_of,
    store_token,
    two_to_the,
)
from .context import NOTHING
from .overlap import let_next_start, wait_for_last
from .paged_attention import NewToken, Parts, fresh, hand_in, launch_arguments, paged_attention_torch

TOKENS, EACH = 32, 4
"""Tokens at once, and how many of them a lane holds: a program is one warp, four of its lanes hold a token."""
LN_2 = tl.constexpr(math.log(2.0))


@triton.jit
def _window(keys, values, uppers, scales, table, first, last, head, HEADS: tl.constexpr, QUARTER: tl.constexpr,
            PAGE: tl.constexpr, TOKENS: tl.constexpr):  # fmt: skip
    """Tokens first … first + T - 1 of one page, those below `last`: words of keys and values [G, T, 4], upper bits of
    values and scales [G, T]. Of others only the scales are known, 0."""
    page = tl.load(table + first // PAGE, mask=first < last, other=0).to(tl.int64)
    begin = place_of(page, first % PAGE, head, HEADS, PAGE)
    t, g, i = tl.arange(0, TOKENS)[None, :], tl.arange(0, QUARTER // 4)[:, None], tl.arange(0, 4)[None, None, :]
    live = first + t < last
    # The hints have every compiler lay all of them out alike, a token over lanes beside each other, four words a lane;
    # by itself it passes some through shared memory. They only rank the dimensions: none is loaded in pieces along the
    # first, though it is said to lie in pieces of two.
    group, own = t * (QUARTER // 4) + g, t + g // (QUARTER // 4)
    word = tl.max_contiguous(group[:, :, None] * 4 + i, [2, 1, 4])
    group = tl.multiple_of(tl.max_contiguous(group, [2, 1]), [1, 1])
    own = tl.multiple_of(tl.max_contiguous(own, [2, 1]), [1, 1])
    k = tl.load(keys + begin * QUARTER + word, mask=live[:, :, None])
    scale = tl.load(scales + begin + own, mask=live, other=0)
    v = tl.load(values + begin * QUARTER + word, mask=live[:, :, None])
    upper = tl.load(uppers + begin * (QUARTER // 4) + group, mask=live)
    return k, v, upper, scale


@triton.jit
def _over_context(q, factor, window, keys, values, uppers, scales, table, first, last, head, HEADS: tl.constexpr,
                  QUARTER: tl.constexpr, PAGE: tl.constexpr, TOKENS: tl.constexpr, EACH: tl.constexpr,
                  FAST: tl.constexpr):  # fmt: skip
    """A query over tokens first … last - 1, of which `window` holds the first: the highest score, the mass relative to
    it and weighted values [4, Q]."""
    GROUPS: tl.constexpr = QUARTER // 4
    coarse, fine, level = packed_query(q)
    coarse, fine = tl.reshape(coarse, [GROUPS, 1, 4]), tl.reshape(fine, [GROUPS, 1, 4])
    t = tl.arange(0, TOKENS)[None, :]
    # What all groups know alike of a token, each has for itself, so that only sums of products go from lane to lane.
    top = tl.full([GROUPS, 1], NOTHING, tl.float32)
    mass = tl.zeros([GROUPS, TOKENS // EACH], tl.float32)
    zeros = mass
    sum_a = tl.zeros([GROUPS, TOKENS // EACH, 4], tl.float32)
    sum_b, sum_c, sum_d = sum_a, sum_a, sum_a
    for start in range(first, last, TOKENS):
        k, v, upper, scale = window
        window = _window(
            keys, values, uppers, scales, table, start + TOKENS, last, head, HEADS, QUARTER, PAGE, TOKENS
        )  # fmt: skip
        products = (tl.sum(dots(k, coarse, FAST), axis=2) << 7) + tl.sum(dots(k, fine, FAST), axis=2)
        key_scale, value_scale = scales_of(scale)
        score = tl.sum(products, axis=0)[None, :].to(tl.float32) * (key_scale * (level * factor))
        score = tl.where(start + t < last, score, NOTHING)
        highest = tl.maximum(tl.max(score, axis=1)[:, None], top)
        shrink, weight = two_to_the(top - highest, FAST), two_to_the(score - highest, FAST)
        top = highest
        mass = mass * shrink + _by_lane(weight, EACH)
        weight *= value_scale
        zeros = zeros * shrink + _by_lane(weight, EACH)
        a, b, c, d = four_integers(v, upper, FAST)
        w, shrink = weight[:, :, None], shrink[:, :, None]
        sum_a, sum_b = sum_a * shrink + _by_lane(w * a, EACH), sum_b * shrink + _by_lane(w * b, EACH)
        sum_c, sum_d = sum_c * shrink + _by_lane(w * c, EACH), sum_d * shrink + _by_lane(w * d, EACH)
    less = tl.sum(zeros, axis=1)[:, None] * (INTEGER_OF_ZERO * UNIT)
    a, b = tl.reshape(tl.sum(sum_a, axis=1) - less, [QUARTER]), tl.reshape(tl.sum(sum_b, axis=1) - less, [QUARTER])
    c, d = tl.reshape(tl.sum(sum_c, axis=1) - less, [QUARTER]), tl.reshape(tl.sum(sum_d, axis=1) - less, [QUARTER])
    # [Q, 2, 2] whose last two say which quarter, the second in pairs.
    pairs = tl.join(tl.join(a, b), tl.join(c, d))
    sums = tl.reshape(tl.permute(pairs, (2, 1, 0)), [4, QUARTER]) / UNIT
    return tl.max(top), tl.max(tl.sum(mass, axis=1), axis=0), sums


@triton.jit
def _by_lane(x, EACH: tl.constexpr):
    """Sums of the tokens that one lane holds, of [G, T] or [G, T, 4]: [G, T / E] or [G, T / E, 4]."""
    if len(x.shape) == 2:
        x = tl.reshape(x, [x.shape[0], EACH, x.shape[1] // EACH])
    else:
        x = tl.reshape(x, [x.shape[0], EACH, x.shape[1] // EACH, x.shape[2]])
    return tl.sum(x, axis=1)


@triton.jit
def _together(top, mass, sums, score, value):
    """What `_over_context` found and one token more, unless its score is NOTHING: the mean value, the log-mass."""
    highest = tl.maximum(top, score)
    share = tl.exp2(top - highest)
    own = tl.where(score > NOTHING, tl.exp2(score - highest), 0.0)
    total = tl.maximum(mass * share + own, 1e-30)
    return (sums * share + own * value) / total, (highest + tl.log2(total)) * LN_2


@triton.jit
def _compact_attention(queries, new_keys, new_values, keys, values, uppers, scales, tables, lengths, out, parts, masses,
                       arrivals, row_stride, columns, factor, HEADS: tl.constexpr, WIDTH: tl.constexpr,
                       PAGE: tl.constexpr, PARTS: tl.constexpr, TOKENS: tl.constexpr, EACH: tl.constexpr,
                       NEW: tl.constexpr, FAST: tl.constexpr, OVERLAP: tl.constexpr):  # fmt: skip
    QUARTER: tl.constexpr = WIDTH // 4
    head, part, row = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    length = tl.load(lengths + row)
    table = tables + row * columns
    each = tl.cdiv(tl.cdiv(length, TOKENS), PARTS) * TOKENS
    first = part * each
    last = tl.minimum(first + each, length)
    window = _window(keys, values, uppers, scales, table, first, last, head, HEADS, QUARTER, PAGE, TOKENS)
    wait_for_last(OVERLAP)
    at = row * row_stride + head * WIDTH
    q = head_at(queries + at, QUARTER)
    new_key, new_value = head_at(new_keys + at, QUARTER), head_at(new_values + at, QUARTER)
    top, mass, sums = _over_context(
        q, factor, window, keys, values, uppers, scales, table, first, last, head, HEADS, QUARTER, PAGE, TOKENS, EACH,
        FAST,
    )  # fmt: skip
    score = tl.full([], NOTHING, tl.float32)
    if (part == 0) & NEW:
        # The first part stores the new token and adds it as one more place.
        token = tl.minimum(length, columns * PAGE - 1)
        place = place_of(tl.load(table + token // PAGE).to(tl.int64), token % PAGE, head, HEADS, PAGE)
        store_token(new_key, new_value, keys, values, uppers, scales, place, QUARTER)
        score = tl.sum(tl.sum(q * new_key, axis=1), axis=0) * factor
    # Not before: what the next kernel loads would come at the expense of keys and values.
    let_next_start(OVERLAP)
    result, mass = _together(top, mass, sums, score, new_value)
    hand_in(tl.reshape(result, [WIDTH]), mass, out, parts, masses, arrivals, row, head, part, HEADS, WIDTH, PARTS)


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
    given, options = launch_arguments(queries, pages, block_tables, lengths, out, parts, new)
    assert page % tokens == 0, f"pages of {page} tokens, expected a multiple of {TOKENS}"
    _compact_attention[(heads, parts.count, rows)](
        *given, width**-0.5 / math.log(2.0), PAGE=page, TOKENS=tokens, EACH=min(EACH, tokens),
        FAST=fast(queries.device), num_warps=1, **options,
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
    keys, values = (x.transpose(1, 2) for x in unpacked(pages))
    return paged_attention_torch(queries.float(), (keys, values), block_tables, lengths).to(queries.dtype)

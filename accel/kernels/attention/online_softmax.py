"""Online softmax of one query over a paged KV cache, for kernels that have more to do.

Dimensions: H heads, W head width, S page size, T tokens of a tile.
Each of the T tokens of a tile keeps a softmax of its own, over every T-th token; they are merged once, at the end.
"""

import triton
import triton.language as tl

MASKED_SCORE = tl.constexpr(-1e30)
"""Score of no token; log-mass of a split without tokens."""


@triton.jit
def load_kv_tile(pages, table, first, last, head, HEADS: tl.constexpr, WIDTH: tl.constexpr, PAGE: tl.constexpr,
                 TOKENS: tl.constexpr):  # fmt: skip
    """Tokens first … first + T - 1, those below `last`: [T, W]."""
    t = first + tl.arange(0, TOKENS)
    page = tl.load(table + t // PAGE, mask=t < last, other=0).to(tl.int64)
    place = ((page * PAGE + t % PAGE) * HEADS + head) * WIDTH
    return tl.load(pages + place[:, None] + tl.arange(0, WIDTH)[None, :], mask=(t < last)[:, None], other=0.0)


@triton.jit
def kv_offset(table, token, head, HEADS: tl.constexpr, WIDTH: tl.constexpr, PAGE: tl.constexpr):
    """Where a token's keys or values [W] of a head begin."""
    page = tl.load(table + token // PAGE).to(tl.int64)
    return ((page * PAGE + token % PAGE) * HEADS + head) * WIDTH


@triton.jit
def load_kv_tiles(pages, table, first, last, head, HEADS: tl.constexpr, WIDTH: tl.constexpr, PAGE: tl.constexpr,
                  TOKENS: tl.constexpr, RESIDENT: tl.constexpr):  # fmt: skip
    """RESIDENT tiles from `first` on, to be in registers before the query is there: a tuple of [T, W]."""
    tiles = ()
    for h in tl.static_range(RESIDENT):
        tiles += (load_kv_tile(pages, table, first + h * TOKENS, last, head, HEADS, WIDTH, PAGE, TOKENS),)
    return tiles


@triton.jit
def _attend_tiles(q, k, v, key_pages, value_pages, table, first, last, head, top, mass, acc, HEADS: tl.constexpr,
                  WIDTH: tl.constexpr, PAGE: tl.constexpr, TOKENS: tl.constexpr):  # fmt: skip
    """`attend_cached` tile by tile, of which k and v are the first."""
    t = tl.arange(0, TOKENS)
    for start in range(first, last, TOKENS):
        live = start + t < last
        score = tl.where(live, tl.sum(k.to(tl.float32) * q[None, :], axis=1), MASKED_SCORE)
        higher = tl.maximum(top, score)
        shrink = tl.exp(top - higher)
        weight = tl.where(live, tl.exp(score - higher), 0.0)
        mass = mass * shrink + weight
        acc = acc * shrink[:, None] + weight[:, None] * v.to(tl.float32)
        top = higher
        k = load_kv_tile(key_pages, table, start + TOKENS, last, head, HEADS, WIDTH, PAGE, TOKENS)
        v = load_kv_tile(value_pages, table, start + TOKENS, last, head, HEADS, WIDTH, PAGE, TOKENS)
    return top, mass, acc


@triton.jit
def attend_cached(q, k, v, key_pages, value_pages, table, first, last, head, HEADS: tl.constexpr, WIDTH: tl.constexpr,
                  PAGE: tl.constexpr, TOKENS: tl.constexpr, RESIDENT: tl.constexpr):  # fmt: skip
    """A scaled query [W] over tokens first … last - 1, of which k and v hold the first: for each token of a tile the
    highest score [T], masses relative to it [T] and weighted values [T, W]."""
    t = tl.arange(0, TOKENS)
    top = tl.full([TOKENS], MASKED_SCORE, tl.float32)
    mass = tl.zeros([TOKENS], tl.float32)
    acc = tl.zeros([TOKENS, WIDTH], tl.float32)
    if RESIDENT == 1:
        top, mass, acc = _attend_tiles(
            q, k[0], v[0], key_pages, value_pages, table, first, last, head, top, mass, acc, HEADS, WIDTH, PAGE, TOKENS
        )
    else:
        # All that is held at once: scores, their highest, then what they weigh.
        row = q[None, :]
        scores = ()
        for h in tl.static_range(RESIDENT):
            found = tl.full([TOKENS], MASKED_SCORE, tl.float32)
            if first + h * TOKENS < last:
                live = first + h * TOKENS + t < last
                found = tl.where(live, tl.sum(k[h].to(tl.float32) * row, axis=1), MASKED_SCORE)
            scores += (found,)
            top = tl.maximum(top, found)
        for h in tl.static_range(RESIDENT):
            if first + h * TOKENS < last:
                weight = tl.where(first + h * TOKENS + t < last, tl.exp(scores[h] - top), 0.0)
                mass += weight
                acc += weight[:, None] * v[h].to(tl.float32)
        rest = first + RESIDENT * TOKENS
        if rest < last:
            next_k = load_kv_tile(key_pages, table, rest, last, head, HEADS, WIDTH, PAGE, TOKENS)
            next_v = load_kv_tile(value_pages, table, rest, last, head, HEADS, WIDTH, PAGE, TOKENS)
            top, mass, acc = _attend_tiles(
                q, next_k, next_v, key_pages, value_pages, table, rest, last, head, top, mass, acc, HEADS, WIDTH, PAGE,
                TOKENS,
            )  # fmt: skip
    return top, mass, acc


@triton.jit
def merge_new_token(top, mass, acc, score, value):
    """What `attend_cached` found and one token more, unless its score is NOTHING: the mean value [W], the log-mass."""
    highest = tl.maximum(tl.max(top, axis=0), score)
    share = tl.exp(top - highest)
    own = tl.where(score > MASKED_SCORE, tl.exp(score - highest), 0.0)
    total = tl.maximum(tl.sum(mass * share, axis=0) + own, 1e-30)
    return (tl.sum(acc * share[:, None], axis=0) + own * value) / total, highest + tl.log(total)

"""One query over paged keys and values, as kernels do it that have more to do.

Dimensions: H heads, W head width, S page size, T tokens looked at together.
Each of the T places keeps its own softmax, over every T-th token; they meet once, at the end.
"""

# Triton unrolls tuples that grow; a type checker sees them empty.
# mypy: disable-error-code="assignment, misc"

import triton
import triton.language as tl

NOTHING = tl.constexpr(-1e30)
"""Log-mass of a part without tokens."""


@triton.jit
def window(pages, table, first, last, head, HEADS: tl.constexpr, WIDTH: tl.constexpr, PAGE: tl.constexpr,
           TOKENS: tl.constexpr):  # fmt: skip
    """Tokens first … first + T - 1, those below `last`: [T, W]."""
    t = first + tl.arange(0, TOKENS)
    page = tl.load(table + t // PAGE, mask=t < last, other=0).to(tl.int64)
    place = ((page * PAGE + t % PAGE) * HEADS + head) * WIDTH
    return tl.load(pages + place[:, None] + tl.arange(0, WIDTH)[None, :], mask=(t < last)[:, None], other=0.0)


@triton.jit
def place_of(table, token, head, HEADS: tl.constexpr, WIDTH: tl.constexpr, PAGE: tl.constexpr):
    """Where a token's keys or values [W] of a head begin."""
    page = tl.load(table + token // PAGE).to(tl.int64)
    return ((page * PAGE + token % PAGE) * HEADS + head) * WIDTH


@triton.jit
def held(pages, table, first, last, head, HEADS: tl.constexpr, WIDTH: tl.constexpr, PAGE: tl.constexpr,
         TOKENS: tl.constexpr, HELD: tl.constexpr):  # fmt: skip
    """As many windows from `first` on as are to be in registers before the query is there."""
    windows = ()
    for h in tl.static_range(HELD):
        windows += (window(pages, table, first + h * TOKENS, last, head, HEADS, WIDTH, PAGE, TOKENS),)
    return windows


@triton.jit
def _over_windows(q, k, v, key_pages, value_pages, table, first, last, head, top, mass, acc, HEADS: tl.constexpr,
                  WIDTH: tl.constexpr, PAGE: tl.constexpr, TOKENS: tl.constexpr):  # fmt: skip
    """`over_context` window by window, of which k and v are the first."""
    t = tl.arange(0, TOKENS)
    for start in range(first, last, TOKENS):
        live = start + t < last
        score = tl.where(live, tl.sum(k.to(tl.float32) * q[None, :], axis=1), NOTHING)
        higher = tl.maximum(top, score)
        shrink = tl.exp(top - higher)
        weight = tl.where(live, tl.exp(score - higher), 0.0)
        mass = mass * shrink + weight
        acc = acc * shrink[:, None] + weight[:, None] * v.to(tl.float32)
        top = higher
        k = window(key_pages, table, start + TOKENS, last, head, HEADS, WIDTH, PAGE, TOKENS)
        v = window(value_pages, table, start + TOKENS, last, head, HEADS, WIDTH, PAGE, TOKENS)
    return top, mass, acc


@triton.jit
def over_context(q, k, v, key_pages, value_pages, table, first, last, head, HEADS: tl.constexpr, WIDTH: tl.constexpr,
                 PAGE: tl.constexpr, TOKENS: tl.constexpr, HELD: tl.constexpr):  # fmt: skip
    """A scaled query [W] over tokens first … last - 1, of which k and v hold the first: at each of T places the highest
    score [T], masses relative to it [T] and weighted values [T, W]."""
    t = tl.arange(0, TOKENS)
    top = tl.full([TOKENS], NOTHING, tl.float32)
    mass = tl.zeros([TOKENS], tl.float32)
    acc = tl.zeros([TOKENS, WIDTH], tl.float32)
    if HELD == 1:
        top, mass, acc = _over_windows(
            q, k[0], v[0], key_pages, value_pages, table, first, last, head, top, mass, acc, HEADS, WIDTH, PAGE, TOKENS
        )
    else:
        # All that is held at once: scores, their highest, then what they weigh.
        row = q[None, :]
        scores = ()
        for h in tl.static_range(HELD):
            found = tl.full([TOKENS], NOTHING, tl.float32)
            if first + h * TOKENS < last:
                live = first + h * TOKENS + t < last
                found = tl.where(live, tl.sum(k[h].to(tl.float32) * row, axis=1), NOTHING)
            scores += (found,)
            top = tl.maximum(top, found)
        for h in tl.static_range(HELD):
            if first + h * TOKENS < last:
                weight = tl.where(first + h * TOKENS + t < last, tl.exp(scores[h] - top), 0.0)
                mass += weight
                acc += weight[:, None] * v[h].to(tl.float32)
        rest = first + HELD * TOKENS
        if rest < last:
            more_k = window(key_pages, table, rest, last, head, HEADS, WIDTH, PAGE, TOKENS)
            more_v = window(value_pages, table, rest, last, head, HEADS, WIDTH, PAGE, TOKENS)
            top, mass, acc = _over_windows(
                q, more_k, more_v, key_pages, value_pages, table, rest, last, head, top, mass, acc, HEADS, WIDTH, PAGE,
                TOKENS,
            )  # fmt: skip
    return top, mass, acc


@triton.jit
def together(top, mass, acc, score, value):
    """What `over_context` found and one token more, unless its score is NOTHING: the mean value [W], the log-mass."""
    highest = tl.maximum(tl.max(top, axis=0), score)
    share = tl.exp(top - highest)
    own = tl.where(score > NOTHING, tl.exp(score - highest), 0.0)
    total = tl.maximum(tl.sum(mass * share, axis=0) + own, 1e-30)
    return (tl.sum(acc * share[:, None], axis=0) + own * value) / total, highest + tl.log(total)

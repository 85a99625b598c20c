"""The draw without beams and all that follows from it, one program a line: penalty, temperature, top-k, top-p, Gumbel
noise, the largest, and the line's state one token further. Its twin is `choose.choose_next` with `sampling.draw`.

Dimensions: R rows (lines), V vocabulary, M draws at most.
Thresholds are found by bisection over the bits of floats, ordered as integers, so that nothing has to be sorted and
ties stay together as they do in `sampling.shortlist`.
"""

import torch
import triton
import triton.language as tl
from triton.language.random import uint_to_uniform_float

from ..state import DecodeState

LEAST = tl.constexpr(-(2**31))
"""Below every float's order."""


@triton.jit
def ordered(x):
    """float32 as int32 that compare alike; both zeros are equal."""
    bits = (x + 0.0).to(tl.int32, bitcast=True)
    return bits ^ ((bits >> 31) & 0x7FFFFFFF)


@triton.jit
def penalised(scores, seen, penalty):
    changed = tl.where(scores < 0, scores * penalty, tl.div_rn(scores, penalty + scores * 0.0))
    return tl.where(seen, changed, scores)


@triton.jit
def gumbel(seed, step, index):
    """As `random.gumbel`. index int32 tensor."""
    zero = index * 0
    word, _, _, _ = tl.philox(seed, index, zero + step, zero, zero)
    u = uint_to_uniform_float(word)
    return -tl.log(-tl.log(tl.maximum(u, 2.3283064365386963e-10)))


@triton.jit
def threshold(order, k):
    """An order, int64, that the k largest reach and, but for ties with the k-th, no others."""
    low = tl.min(order, axis=0).to(tl.int64)
    high = tl.max(order, axis=0).to(tl.int64)
    while low < high:
        middle = low + (high - low + 1) // 2
        count = tl.sum((order >= middle).to(tl.int32), axis=0)
        low = tl.where(count >= k, middle, low)
        # Once just k are left, the bits below do not matter.
        high = tl.where(count == k, middle, tl.where(count > k, high, middle - 1))
    return low


@triton.jit
def filtered(scores, ids, inside, top_k, tail, KEEP: tl.constexpr):
    """Which scores top-k and top-p leave, as `sampling.shortlist` does with `keep` 1 or 2."""
    order = tl.where(inside, ordered(scores), LEAST)
    first = tl.max(order, axis=0)
    least = threshold(order, tl.minimum(top_k, tl.sum(inside.to(tl.int32), axis=0)))
    kept = inside & (order >= least)
    if tail >= 0:
        mass = tl.where(kept, tl.exp(scores - tl.max(tl.where(inside, scores, -float("inf")), axis=0)), 0.0)
        mass = mass / tl.sum(mass, axis=0)
        low = least - 1
        high = first.to(tl.int64)
        while low < high:
            middle = low + (high - low + 1) // 2
            fits = tl.sum(tl.where(order <= middle, mass, 0.0), axis=0) <= tail
            low = tl.where(fits, middle, low)
            high = tl.where(fits, high, middle - 1)
        removed = order <= low
        edge = tl.min(tl.where(kept & (order > low), order, 0x7FFFFFFF), axis=0)
        tied = kept & (order == edge)
        if tl.sum(tied.to(tl.int32), axis=0) > 1:
            # Of equal scores the lower id goes first.
            below = tl.sum(tl.where(removed, mass, 0.0), axis=0)
            each = tl.max(tl.where(tied, mass, 0.0), axis=0)
            rank = tl.cumsum(tied.to(tl.int32), axis=0)
            removed = removed | (tied & (below + rank.to(tl.float32) * each <= tail))
        last = tl.max(tl.where(order == first, ids, -1), axis=0)
        removed = removed & (ids != last)
        if KEEP == 2:
            others = tl.where(ids == last, LEAST, order)
            removed = removed & (ids != tl.max(tl.where(others == tl.max(others, axis=0), ids, -1), axis=0))
        kept = kept & (removed == 0)
    return kept


@triton.jit
def _draw(logits, seen, tokens, lengths, drawn, seeds, steps, limits, finished, stopped, paused, temperature, top_k,
          tail, penalty, noise, draws, stop_token, V: tl.constexpr, BLOCK: tl.constexpr):  # fmt: skip
    row = tl.program_id(0)
    if (tl.load(finished + row) == 0) & (tl.load(paused + row) == 0):
        ids = tl.arange(0, BLOCK)
        inside = ids < V
        scores = tl.load(logits + row * V + ids, mask=inside, other=0.0)
        was_seen = tl.load(seen + row * V + ids, mask=inside, other=0) != 0
        scores = penalised(scores, was_seen, tl.load(penalty + row))
        scores = tl.div_rn(scores, tl.load(temperature + row) + scores * 0.0)
        kept = filtered(scores, ids, inside, tl.load(top_k + row), tl.load(tail + row), 1)
        step = tl.load(steps + row)
        strength = tl.load(noise + row)
        keys = scores
        if strength != 0.0:
            keys += strength * gumbel(tl.load(seeds + row), step.to(tl.int32), ids)
        keys = tl.where(kept, keys, -float("inf"))
        token = tl.min(tl.where(kept & (keys == tl.max(keys, axis=0)), ids, BLOCK), axis=0)
        tl.store(drawn + row * draws + step, token)
        tl.store(tokens + row, token.to(tl.int64))
        tl.store(seen + row * V + token, tl.full([], 1, tl.uint8))
        tl.store(lengths + row, tl.load(lengths + row) + 1)
        tl.store(steps + row, step + 1)
        ends = token == stop_token
        tl.store(stopped + row, ends.to(tl.uint8))
        tl.store(finished + row, (ends | (step + 1 >= tl.load(limits + row))).to(tl.uint8))


def draw_next(state: DecodeState, logits: torch.Tensor, stop_token: int) -> None:
    """For every alive line one beam wide: its length, then its next token and all `choose_next` changes.

    logits: float32 [R, V], contiguous.
    """
    rows, lanes, table = state.rows, state.lanes, state.table
    count, vocabulary = logits.shape
    assert state.beams == 1, f"{state.beams} beams, expected 1"
    assert logits.dtype is torch.float32 and logits.is_contiguous(), f"logits are {logits.dtype}"
    assert rows.seen.shape == (count, vocabulary) and rows.seen.is_contiguous(), f"seen is {tuple(rows.seen.shape)}"
    flags = (flag.view(torch.uint8) for flag in (lanes.finished, lanes.stopped, lanes.paused))
    _draw[(count,)](
        logits, rows.seen.view(torch.uint8), rows.tokens, rows.lengths, rows.drawn, lanes.seeds, lanes.steps,
        lanes.limits, *flags, table.temperature, table.top_k, table.tail, table.penalty, table.noise,
        rows.drawn.stride(0), stop_token, V=vocabulary, BLOCK=triton.next_power_of_2(vocabulary), num_warps=16,
    )  # fmt: skip

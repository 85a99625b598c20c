"""The top k of each row over many programs: every part of the vocabulary names its best few, and the row's own are
found among them without a second look at the vocabulary.

Dimensions: R rows, K beams of a line, L = R / K lines, V vocabulary, P parts of it.
Thresholds are found by bisection over the bits of floats, ordered as integers, so that nothing has to be sorted and
ties stay together as they do in `sampler.filter_candidates`.
A part keeps back only what lies below its cut. So the lists hold the row's top k, ties included, where k of them reach
the highest cut: always while k is at most WIDTH, but for many ties; beyond it unless the best crowd in one part.
"""

from dataclasses import dataclass

import torch
import triton
import triton.language as tl

from ...sampling.params import SamplingTable
from ..pdl import launch_dependents_and_wait, pdl_options

LEAST = tl.constexpr(-(2**31))
"""Below every number's order."""
MOST = tl.constexpr(2**31 - 1)
"""Above every number's order."""
COUNTS = tl.constexpr(2**20)
"""More than any vocabulary has tokens."""
NO_TOKEN = tl.constexpr(0x7FFFFFFF)
"""Id where there is no token."""
PART = 256
"""Tokens of a part: what one warp goes through at once, which waits for no other."""
WIDTH = 32
"""Tokens that a part may name."""


@triton.jit
def ordered(x):
    """float32 as int32 that compare alike; both zeros are equal."""
    bits = (x + 0.0).to(tl.int32, bitcast=True)
    return bits ^ ((bits >> 31) & 0x7FFFFFFF)


@triton.jit
def _middle(low, high):
    """Half of their sum, rounded up, which itself may not fit."""
    return (low | high) - ((low ^ high) >> 1)


@triton.jit
def threshold(order, k, low, high):
    """An order, int32, that the k largest reach and, but for ties with the k-th, no others.

    low, high: int32; at least k reach the one and none exceeds the other.
    """
    while low < high:
        # A quarter is left each time: three counts are summed across threads at the price of one.
        half = _middle(low, high)
        first, third = _middle(low, half - 1), _middle(half, high)
        reached = (order >= first).to(tl.int64)
        reached += (order >= half).to(tl.int64) * COUNTS
        reached += (order >= third).to(tl.int64) * COUNTS * COUNTS
        counts = tl.sum(reached, axis=0)
        few, some, many = counts // COUNTS // COUNTS, counts // COUNTS % COUNTS, counts % COUNTS
        count = tl.where(few >= k, few, tl.where(some >= k, some, many))
        high = tl.where(few >= k, high, tl.where(some >= k, third - 1, tl.where(many >= k, half - 1, first - 1)))
        low = tl.where(few >= k, third, tl.where(some >= k, half, tl.where(many >= k, first, low)))
        # Once just k are left, the bits below do not matter.
        high = tl.where(count == k, low, high)
    return low


@triton.jit
def among_top(scores, inside, top_k):
    """Which scores are the top k, and those that are equal to the last of them."""
    order = tl.where(inside, ordered(scores), LEAST)
    k = tl.minimum(top_k, tl.sum(inside.to(tl.int32), axis=0))
    return inside & (order >= threshold(order, k, tl.min(order, axis=0), tl.max(order, axis=0)))


@triton.jit
def processed(scores, seen, penalty, temperature):
    """Scores with the penalty of seen tokens, then over the temperature."""
    changed = tl.where(scores < 0, scores * penalty, tl.div_rn(scores, penalty))
    return tl.div_rn(tl.where(seen, changed, scores), temperature)


@triton.jit
def _inverse(x):
    """1 / x as float64."""
    return 1.0 / x.to(tl.float64)


@triton.jit
def _processed(scores, seen, penalty, per_penalty, per_temperature):
    """As `processed`, given inverses in float64: a product with one rounds to the float32 quotient, subnormal ones
    aside, and the product with a penalty is exact. A division branches for each of its elements, one after the other.
    """
    factor = tl.where(seen, tl.where(scores < 0, penalty.to(tl.float64), per_penalty), 1.0)
    return ((scores.to(tl.float64) * factor).to(tl.float32).to(tl.float64) * per_temperature).to(tl.float32)


@triton.jit
def _weigh(logits, tops, masses, V: tl.constexpr, PART: tl.constexpr, PDL: tl.constexpr):
    """A part's largest logit, and the sum of exponentials relative to it."""
    part, row = tl.program_id(0), tl.program_id(1)
    ids = part * PART + tl.arange(0, PART)
    launch_dependents_and_wait(PDL)
    x = tl.load(logits + row * V + ids, mask=ids < V, other=-float("inf"), cache_modifier=".cg")
    # Finite, so that a part of nothing but -inf has a sum of 0.
    top = tl.maximum(tl.max(x, axis=0), -1e38)
    tl.store(tops + row * tl.num_programs(0) + part, top)
    tl.store(masses + row * tl.num_programs(0) + part, tl.sum(tl.exp(x - top), axis=0))


@triton.jit
def _log_softmax(x, tops, masses, row, P: tl.constexpr, BLOCK_P: tl.constexpr):
    """Some of a row's logits as log-probabilities."""
    p = tl.arange(0, BLOCK_P)
    each = tl.load(tops + row * P + p, mask=p < P, other=-float("inf"), cache_modifier=".cg")
    mass = tl.load(masses + row * P + p, mask=p < P, other=0.0, cache_modifier=".cg")
    top = tl.max(each, axis=0)
    return (x - top) - tl.log(tl.sum(mass * tl.exp(each - top), axis=0))


@triton.jit
def _nominate(logits, seen, tops, masses, temperature, top_k, penalty, named, scores, cuts, beams, V: tl.constexpr,
              P: tl.constexpr, BLOCK_P: tl.constexpr, PART: tl.constexpr, WIDTH: tl.constexpr,
              LOG_SOFTMAX: tl.constexpr, PDL: tl.constexpr):  # fmt: skip
    """A part's top k or WIDTH, whichever are fewer, with ties if they fit, else without."""
    part, row = tl.program_id(0), tl.program_id(1)
    lane = row // beams
    ids = part * PART + tl.arange(0, PART)
    inside = ids < V
    was_seen = tl.load(seen + row * V + ids, mask=inside, other=0) != 0
    factor, k = tl.load(penalty + lane), tl.load(top_k + lane)
    per_factor, per_temperature = _inverse(factor), _inverse(tl.load(temperature + lane))
    launch_dependents_and_wait(PDL)
    x = tl.load(logits + row * V + ids, mask=inside, other=0.0, cache_modifier=".cg")
    if LOG_SOFTMAX:
        x = _log_softmax(x, tops, masses, row, P, BLOCK_P)
    x = _processed(x, was_seen, factor, per_factor, per_temperature)
    order = tl.where(inside, ordered(x), LEAST)
    k = tl.minimum(k, tl.minimum(V - part * PART, WIDTH)).to(tl.int32)
    # WIDTH groups, each of which has one that reaches the lowest of their best.
    best = tl.max(tl.reshape(order, [PART // WIDTH, WIDTH]), axis=0)
    cut = threshold(order, k, tl.min(best, axis=0), tl.max(best, axis=0))
    if tl.sum((inside & (order >= cut)).to(tl.int32), axis=0) > WIDTH:
        cut += 1
    kept = inside & (order >= cut)
    count = tl.sum(kept.to(tl.int32), axis=0)
    first = (row * P + part) * WIDTH
    place = first + tl.cumsum(kept.to(tl.int32), axis=0) - 1
    tl.store(named + place, ids, mask=kept)
    tl.store(scores + place, x, mask=kept)
    w = tl.arange(0, WIDTH)
    tl.store(named + first + w, tl.full([WIDTH], NO_TOKEN, tl.int32), mask=w >= count)
    tl.store(scores + first + w, tl.full([WIDTH], -float("inf"), tl.float32), mask=w >= count)
    tl.store(cuts + row * P + part, tl.where(count < tl.minimum(V - part * PART, PART), cut, LEAST))


@triton.jit
def elected(named, scores, cuts, row, top_k, V: tl.constexpr, P: tl.constexpr, BLOCK_P: tl.constexpr,
            WIDTH: tl.constexpr):  # fmt: skip
    """A row's named ids and scores, in order of id, and which of them are the top k as `among_top` has it: none where
    the lists do not show it."""
    c = tl.arange(0, BLOCK_P * WIDTH)
    ids = tl.load(named + row * P * WIDTH + c, mask=c < P * WIDTH, other=NO_TOKEN, cache_modifier=".cg")
    x = tl.load(scores + row * P * WIDTH + c, mask=c < P * WIDTH, other=-float("inf"), cache_modifier=".cg")
    p = tl.arange(0, BLOCK_P)
    cut = tl.max(tl.load(cuts + row * P + p, mask=p < P, other=LEAST, cache_modifier=".cg"), axis=0)
    there = ids < V
    order = tl.where(there, ordered(x), LEAST)
    k = tl.minimum(top_k, V).to(tl.int32)
    shown = tl.sum((there & (order >= cut)).to(tl.int32), axis=0) >= k
    least = threshold(order, k, cut, tl.where(shown, tl.max(order, axis=0), cut))
    return ids, x, there & (order >= tl.where(shown, least, MOST))


@dataclass(frozen=True, eq=False)
class Nominations:
    """What parts hand in: ids int32 (NO_TOKEN past the last) and processed scores float32 [R, P, WIDTH] in order of id;
    cuts int32 [R, P], the orders that all a part kept back lie below; the largest logits and sums of exponentials
    float32 [R, P].
    """

    ids: torch.Tensor
    scores: torch.Tensor
    cuts: torch.Tensor
    tops: torch.Tensor
    masses: torch.Tensor

    @staticmethod
    def allocate(rows: int, vocabulary: int, device: torch.device) -> "Nominations":
        parts = triton.cdiv(vocabulary, PART)
        ids = torch.empty(rows, parts, WIDTH, dtype=torch.int32, device=device)
        cuts = torch.empty(rows, parts, dtype=torch.int32, device=device)
        tops, masses = (torch.empty(rows, parts, device=device) for _ in range(2))
        return Nominations(ids, torch.empty(ids.shape, device=device), cuts, tops, masses)


def nominate(
    logits: torch.Tensor, seen: torch.Tensor, table: SamplingTable, named: Nominations, *, log_softmax: bool
) -> None:
    """Every part's best after penalty and temperature, of logits or of log-probabilities.

    logits: float32 [R, V]. seen: bool [R, V]. Both contiguous. table: one row a line. The state
    is read before `launch_dependents_and_wait`.
    """
    rows, vocabulary = logits.shape
    parts = triton.cdiv(vocabulary, PART)
    assert named.ids.shape == (rows, parts, WIDTH), f"lists are {tuple(named.ids.shape)}"
    options = {**pdl_options(logits.device), "num_warps": 1}
    if log_softmax:
        _weigh[(parts, rows)](logits, named.tops, named.masses, V=vocabulary, PART=PART, **options)
    _nominate[(parts, rows)](
        logits, seen.view(torch.uint8), named.tops, named.masses, table.temperature, table.top_k, table.penalty,
        named.ids, named.scores, named.cuts, rows // len(table.top_k), V=vocabulary, P=parts,
        BLOCK_P=triton.next_power_of_2(parts), PART=PART, WIDTH=WIDTH, LOG_SOFTMAX=log_softmax, **options,
    )  # fmt: skip

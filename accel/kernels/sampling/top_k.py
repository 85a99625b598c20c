"""Top-k in two stages: every part of the vocabulary hands in its partial top-k, and the row's own is merged from them
without reading the vocabulary again.

Dimensions: R rows, K beams of a line, L = R / K lines, V vocabulary, P parts of it.
Thresholds are found by bisection over the bits of floats, ordered as integers, so that nothing has to be sorted and
ties stay together as they do in `sampler.filter_candidates`.
A part keeps back only what lies below its threshold. So the lists hold the row's top k, ties included, where k of them
reach the highest threshold: always while k is at most PART_K, but for many ties; beyond it unless the best crowd in one
part.
"""

from dataclasses import dataclass

import torch
import triton
import triton.language as tl

from ...sampling.params import SamplingTable
from ..pdl import launch_dependents_and_wait, pdl_options

MIN_ORDER = tl.constexpr(-(2**31))
"""Below every number's order."""
MAX_ORDER = tl.constexpr(2**31 - 1)
"""Above every number's order."""
COUNT_BASE = tl.constexpr(2**20)
"""More than any vocabulary has tokens."""
NO_TOKEN = tl.constexpr(0x7FFFFFFF)
"""Id where there is no token."""
PART = 256
"""Tokens of a part: what one warp goes through at once, which waits for no other."""
PART_K = 32
"""Tokens that a part may hand in."""


@triton.jit
def order_bits(x):
    """float32 as int32 that compare alike; both zeros are equal."""
    bits = (x + 0.0).to(tl.int32, bitcast=True)
    return bits ^ ((bits >> 31) & 0x7FFFFFFF)


@triton.jit
def _upper_midpoint(low, high):
    """Half of their sum, rounded up, which itself may not fit."""
    return (low | high) - ((low ^ high) >> 1)


@triton.jit
def bisect_threshold(order, k, low, high):
    """An order, int32, that the k largest reach and, but for ties with the k-th, no others.

    low, high: int32; at least k reach the one and none exceeds the other.
    """
    while low < high:
        # A quarter is left each time: three counts are summed across threads at the price of one.
        half = _upper_midpoint(low, high)
        first, third = _upper_midpoint(low, half - 1), _upper_midpoint(half, high)
        reached = (order >= first).to(tl.int64)
        reached += (order >= half).to(tl.int64) * COUNT_BASE
        reached += (order >= third).to(tl.int64) * COUNT_BASE * COUNT_BASE
        counts = tl.sum(reached, axis=0)
        few, some, many = counts // COUNT_BASE // COUNT_BASE, counts // COUNT_BASE % COUNT_BASE, counts % COUNT_BASE
        count = tl.where(few >= k, few, tl.where(some >= k, some, many))
        high = tl.where(few >= k, high, tl.where(some >= k, third - 1, tl.where(many >= k, half - 1, first - 1)))
        low = tl.where(few >= k, third, tl.where(some >= k, half, tl.where(many >= k, first, low)))
        # Once just k are left, the bits below do not matter.
        high = tl.where(count == k, low, high)
    return low


@triton.jit
def top_k_mask(scores, inside, top_k):
    """Which scores are the top k, and those that are equal to the last of them."""
    order = tl.where(inside, order_bits(scores), MIN_ORDER)
    k = tl.minimum(top_k, tl.sum(inside.to(tl.int32), axis=0))
    return inside & (order >= bisect_threshold(order, k, tl.min(order, axis=0), tl.max(order, axis=0)))


@triton.jit
def penalize_scores(scores, seen, penalty, temperature):
    """Scores with the penalty of seen tokens, then over the temperature."""
    changed = tl.where(scores < 0, scores * penalty, tl.div_rn(scores, penalty))
    return tl.div_rn(tl.where(seen, changed, scores), temperature)


@triton.jit
def _inverse_float64(x):
    """1 / x as float64."""
    return 1.0 / x.to(tl.float64)


@triton.jit
def _penalize_by_products(scores, seen, penalty, per_penalty, per_temperature):
    """As `penalize_scores`, given inverses in float64: a product with one rounds to the float32 quotient, subnormals
    aside, and the product with a penalty is exact. A division branches for each of its elements, one after the other.
    """
    factor = tl.where(seen, tl.where(scores < 0, penalty.to(tl.float64), per_penalty), 1.0)
    return ((scores.to(tl.float64) * factor).to(tl.float32).to(tl.float64) * per_temperature).to(tl.float32)


@triton.jit
def _partial_softmax_kernel(logits, tops, masses, V: tl.constexpr, PART: tl.constexpr, PDL: tl.constexpr):
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
def _partial_top_k_kernel(logits, seen, tops, masses, temperature, top_k, penalty, partial, scores, thresholds, beams,
                          V: tl.constexpr, P: tl.constexpr, BLOCK_P: tl.constexpr, PART: tl.constexpr,
                          PART_K: tl.constexpr, LOG_SOFTMAX: tl.constexpr, PDL: tl.constexpr):  # fmt: skip
    """A part's top k or PART_K, whichever are fewer, with ties if they fit, else without."""
    part, row = tl.program_id(0), tl.program_id(1)
    lane = row // beams
    ids = part * PART + tl.arange(0, PART)
    inside = ids < V
    was_seen = tl.load(seen + row * V + ids, mask=inside, other=0) != 0
    factor, k = tl.load(penalty + lane), tl.load(top_k + lane)
    per_factor, per_temperature = _inverse_float64(factor), _inverse_float64(tl.load(temperature + lane))
    launch_dependents_and_wait(PDL)
    x = tl.load(logits + row * V + ids, mask=inside, other=0.0, cache_modifier=".cg")
    if LOG_SOFTMAX:
        x = _log_softmax(x, tops, masses, row, P, BLOCK_P)
    x = _penalize_by_products(x, was_seen, factor, per_factor, per_temperature)
    order = tl.where(inside, order_bits(x), MIN_ORDER)
    k = tl.minimum(k, tl.minimum(V - part * PART, PART_K)).to(tl.int32)
    # PART_K groups, each of which has one that reaches the lowest of their best.
    best = tl.max(tl.reshape(order, [PART // PART_K, PART_K]), axis=0)
    threshold = bisect_threshold(order, k, tl.min(best, axis=0), tl.max(best, axis=0))
    if tl.sum((inside & (order >= threshold)).to(tl.int32), axis=0) > PART_K:
        threshold += 1
    kept = inside & (order >= threshold)
    count = tl.sum(kept.to(tl.int32), axis=0)
    first = (row * P + part) * PART_K
    place = first + tl.cumsum(kept.to(tl.int32), axis=0) - 1
    tl.store(partial + place, ids, mask=kept)
    tl.store(scores + place, x, mask=kept)
    w = tl.arange(0, PART_K)
    tl.store(partial + first + w, tl.full([PART_K], NO_TOKEN, tl.int32), mask=w >= count)
    tl.store(scores + first + w, tl.full([PART_K], -float("inf"), tl.float32), mask=w >= count)
    tl.store(thresholds + row * P + part, tl.where(count < tl.minimum(V - part * PART, PART), threshold, MIN_ORDER))


@triton.jit
def merge_top_k(partial, scores, thresholds, row, top_k, V: tl.constexpr, P: tl.constexpr, BLOCK_P: tl.constexpr,
                PART_K: tl.constexpr):  # fmt: skip
    """Candidate ids and scores of a row, in order of id, and which of them are the top k as `top_k_mask` has it: none
    where the lists do not show it."""
    c = tl.arange(0, BLOCK_P * PART_K)
    ids = tl.load(partial + row * P * PART_K + c, mask=c < P * PART_K, other=NO_TOKEN, cache_modifier=".cg")
    x = tl.load(scores + row * P * PART_K + c, mask=c < P * PART_K, other=-float("inf"), cache_modifier=".cg")
    p = tl.arange(0, BLOCK_P)
    threshold = tl.max(tl.load(thresholds + row * P + p, mask=p < P, other=MIN_ORDER, cache_modifier=".cg"), axis=0)
    there = ids < V
    order = tl.where(there, order_bits(x), MIN_ORDER)
    k = tl.minimum(top_k, V).to(tl.int32)
    shown = tl.sum((there & (order >= threshold)).to(tl.int32), axis=0) >= k
    least = bisect_threshold(order, k, threshold, tl.where(shown, tl.max(order, axis=0), threshold))
    return ids, x, there & (order >= tl.where(shown, least, MAX_ORDER))


@dataclass(frozen=True, eq=False)
class PartialTopK:
    """What parts hand in: ids int32 (NO_TOKEN past the last) and penalized scores float32 [R, P, PART_K] by id;
    thresholds int32 [R, P], the orders that all a part kept back lie below; the largest logits and sums of exponentials
    float32 [R, P].
    """

    ids: torch.Tensor
    scores: torch.Tensor
    thresholds: torch.Tensor
    tops: torch.Tensor
    masses: torch.Tensor

    @staticmethod
    def allocate(rows: int, vocabulary: int, device: torch.device) -> "PartialTopK":
        parts = triton.cdiv(vocabulary, PART)
        ids = torch.empty(rows, parts, PART_K, dtype=torch.int32, device=device)
        thresholds = torch.empty(rows, parts, dtype=torch.int32, device=device)
        tops, masses = (torch.empty(rows, parts, device=device) for _ in range(2))
        return PartialTopK(ids, torch.empty(ids.shape, device=device), thresholds, tops, masses)


def partial_top_k(
    logits: torch.Tensor, seen: torch.Tensor, table: SamplingTable, partial: PartialTopK, *, log_softmax: bool
) -> None:
    """Every part's best after penalty and temperature, of logits or of log-probabilities.

    logits: float32 [R, V]. seen: bool [R, V]. Both contiguous. table: one row a line. The state
    is read before `launch_dependents_and_wait`.
    """
    rows, vocabulary = logits.shape
    parts = triton.cdiv(vocabulary, PART)
    assert partial.ids.shape == (rows, parts, PART_K), f"lists are {tuple(partial.ids.shape)}"
    options = {**pdl_options(logits.device), "num_warps": 1}
    if log_softmax:
        _partial_softmax_kernel[(parts, rows)](logits, partial.tops, partial.masses, V=vocabulary, PART=PART, **options)
    _partial_top_k_kernel[(parts, rows)](
        logits, seen.view(torch.uint8), partial.tops, partial.masses, table.temperature, table.top_k, table.penalty,
        partial.ids, partial.scores, partial.thresholds, rows // len(table.top_k), V=vocabulary, P=parts,
        BLOCK_P=triton.next_power_of_2(parts), PART=PART, PART_K=PART_K, LOG_SOFTMAX=log_softmax, **options,
    )  # fmt: skip

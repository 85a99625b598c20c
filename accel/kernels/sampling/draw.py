"""The draw without beams and all that follows from it: penalty, temperature and top-k over many programs (top_k.py),
then one program a line for top-p, Gumbel noise, the largest, and the line's state one token further. Its twin is
`next_token.choose_next` with `sampler.sample_tokens`.

Dimensions: R rows (lines), V vocabulary, P parts of it, M draws at most.
What top-k leaves is usually short: top-p and the noise then take that alone. Else the line's program goes through
the whole vocabulary.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import triton
import triton.language as tl
from triton.language.random import uint_to_uniform_float

from ....runtime.card import Card
from ....runtime.kernel_shapes import KernelFamily
from ...state import DecodeState
from ..pdl import launch_dependents_and_wait, pdl_options
from .top_k import MIN_ORDER, PART_K, PartialTopK, merge_top_k, order_bits, partial_top_k, penalize_scores, top_k_mask

SHORT = 64
"""Tokens that top-k may leave for the rest to be done on a short list."""


@triton.jit
def gumbel_noise(seed, step, index):
    """As `philox.gumbel_noise`. index int32 tensor."""
    zero = index * 0
    word, _, _, _ = tl.philox(seed, index, zero + step, zero, zero)
    u = uint_to_uniform_float(word)
    return -tl.log(-tl.log(tl.maximum(u, 2.3283064365386963e-10)))


@triton.jit
def gather_short_list(kept, ids, scores, short_ids, short_scores, SHORT: tl.constexpr):
    """Ids and scores [SHORT] of the kept tokens, in order of id; where there are no more, ids of 2^31 - 1."""
    place = tl.cumsum(kept.to(tl.int32), axis=0) - 1
    tl.store(short_ids + place, ids, mask=kept)
    tl.store(short_scores + place, scores, mask=kept)
    tl.debug_barrier()
    i = tl.arange(0, SHORT)
    there = i < tl.sum(kept.to(tl.int32), axis=0)
    found = tl.load(short_ids + i, mask=there, other=0x7FFFFFFF)
    return found, tl.load(short_scores + i, mask=there, other=-float("inf"))


@triton.jit
def top_p_mask_short(scores, ids, kept, tail, KEEP: tl.constexpr):
    """Which of a few kept scores top-p leaves, as `sampler.filter_candidates` does with `keep` 1 or 2: each is held
    against the mass of all below it."""
    if tail >= 0:
        mass = tl.where(kept, tl.exp(scores - tl.max(scores, axis=0)), 0.0)
        mass = mass / tl.sum(mass, axis=0)
        lower = (scores[None, :] < scores[:, None]) | (
            (scores[None, :] == scores[:, None]) & (ids[None, :] <= ids[:, None])
        )
        above = tl.sum((lower == 0).to(tl.int32), axis=1)
        up_to = tl.sum(tl.where(lower, mass[None, :], 0.0), axis=1)
        kept = kept & ((up_to > tail) | (above < KEEP))
    return kept


@triton.jit
def top_p_mask(scores, ids, kept, tail, KEEP: tl.constexpr):
    """As `top_p_mask_short`, of any number of scores: the edge is found by bisection."""
    if tail >= 0:
        order = tl.where(kept, order_bits(scores), MIN_ORDER)
        first = tl.max(order, axis=0)
        mass = tl.where(kept, tl.exp(scores - tl.max(tl.where(kept, scores, -float("inf")), axis=0)), 0.0)
        mass = mass / tl.sum(mass, axis=0)
        low = tl.min(tl.where(kept, order, 0x7FFFFFFF), axis=0).to(tl.int64) - 1
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
            others = tl.where(ids == last, MIN_ORDER, order)
            removed = removed & (ids != tl.max(tl.where(others == tl.max(others, axis=0), ids, -1), axis=0))
        kept = kept & (removed == 0)
    return kept


@triton.jit
def _largest_with_noise(scores, ids, kept, seed, step, strength):
    """The kept id of the largest score and noise, the lower of equal ones."""
    keys = scores
    if strength != 0.0:
        keys += strength * gumbel_noise(seed, step, ids)
    keys = tl.where(kept, keys, -float("inf"))
    return tl.min(tl.where(kept & (keys == tl.max(keys, axis=0)), ids, 0x7FFFFFFF), axis=0)


@triton.jit
def _draw_kernel(logits, seen, tokens, lengths, drawn, seeds, steps, limits, finished, stopped, paused, temperature,
                 top_k, tail, penalty, noise, partial, partial_scores, thresholds, short_ids, short_scores, draws,
                 stop_token, V: tl.constexpr, BLOCK: tl.constexpr, P: tl.constexpr, BLOCK_P: tl.constexpr,
                 PART_K: tl.constexpr, SHORT: tl.constexpr, PDL: tl.constexpr):  # fmt: skip
    row = tl.program_id(0)
    alive = (tl.load(finished + row) == 0) & (tl.load(paused + row) == 0)
    k, seed, step = tl.load(top_k + row), tl.load(seeds + row), tl.load(steps + row)
    strength, least, limit = tl.load(noise + row), tl.load(tail + row), tl.load(limits + row)
    launch_dependents_and_wait(PDL)
    if alive:
        length = tl.load(lengths + row)
        ids, scores, kept = merge_top_k(partial, partial_scores, thresholds, row, k, V, P, BLOCK_P, PART_K)
        count = tl.sum(kept.to(tl.int32), axis=0)
        if (count > 0) & (count <= SHORT):
            few, few_scores = gather_short_list(
                kept, ids, scores, short_ids + row * SHORT, short_scores + row * SHORT, SHORT
            )
            few_kept = top_p_mask_short(few_scores, few, few < V, least, 1)
            token = _largest_with_noise(few_scores, few, few_kept, seed, step.to(tl.int32), strength)
        else:
            every = tl.arange(0, BLOCK)
            x = tl.load(logits + row * V + every, mask=every < V, other=0.0, cache_modifier=".cg")
            was_seen = tl.load(seen + row * V + every, mask=every < V, other=0) != 0
            x = penalize_scores(x, was_seen, tl.load(penalty + row), tl.load(temperature + row))
            left = top_p_mask(x, every, top_k_mask(x, every < V, k), least, 1)
            token = _largest_with_noise(x, every, left, seed, step.to(tl.int32), strength)
        tl.store(drawn + row * draws + step, token)
        tl.store(tokens + row, token.to(tl.int64))
        tl.store(seen + row * V + token, tl.full([], 1, tl.uint8))
        tl.store(lengths + row, length + 1)
        tl.store(steps + row, step + 1)
        ends = token == stop_token
        tl.store(stopped + row, ends.to(tl.uint8))
        tl.store(finished + row, (ends | (step + 1 >= limit)).to(tl.uint8))


@dataclass(frozen=True, eq=False)
class ShortLists:
    """Where a row's few remaining tokens stand: ids int32 and scores float32, [R, SHORT] each."""

    ids: torch.Tensor
    scores: torch.Tensor

    @staticmethod
    def allocate(rows: int, device: torch.device) -> "ShortLists":
        shape = (rows, SHORT)
        return ShortLists(torch.empty(shape, dtype=torch.int32, device=device), torch.empty(shape, device=device))


@dataclass(frozen=True)
class DrawShape:
    warps: int


class DrawSize(NamedTuple):
    vocabulary: int


def draw_rule(size: DrawSize, card: Card) -> DrawShape:
    """As few as hold the whole vocabulary in registers: the usual short lists wait for all of them."""
    return DrawShape(8)


def draw_candidates(size: DrawSize, card: Card) -> Iterable[DrawShape]:
    return (DrawShape(warps) for warps in (4, 16))


DRAW = KernelFamily("draw", draw_rule, draw_candidates)
"""Programs that take one line or beam each, here and in beam search."""


@dataclass(frozen=True, eq=False)
class DrawBuffers:
    """What the launches of a draw hand each other."""

    partial: PartialTopK
    lists: ShortLists

    @staticmethod
    def allocate(rows: int, vocabulary: int, device: torch.device) -> "DrawBuffers":
        return DrawBuffers(PartialTopK.allocate(rows, vocabulary, device), ShortLists.allocate(rows, device))


def draw_next(state: DecodeState, logits: torch.Tensor, stop_token: int, buffers: DrawBuffers | None = None) -> None:
    """For every alive line one beam wide: its length, then its next token and all `choose_next` changes.

    logits: float32 [R, V], contiguous. buffers: allocated where there are none. Some kernel that does not overlap must
    stand between this and what last wrote the state, lengths aside: `embed_tokens` in a step.
    """
    rows, lanes, table = state.rows, state.lanes, state.table
    count, vocabulary = logits.shape
    assert state.beams == 1, f"{state.beams} beams, expected 1"
    assert logits.dtype is torch.float32 and logits.is_contiguous(), f"logits are {logits.dtype}"
    assert rows.seen.shape == (count, vocabulary) and rows.seen.is_contiguous(), f"seen is {tuple(rows.seen.shape)}"
    buffers = buffers or DrawBuffers.allocate(count, vocabulary, logits.device)
    partial, lists = buffers.partial, buffers.lists
    partial_top_k(logits, rows.seen, table, partial, log_softmax=False)
    parts, warps = partial.thresholds.shape[1], DRAW.choose(DrawSize(vocabulary), logits.device).warps
    flags = (flag.view(torch.uint8) for flag in (lanes.finished, lanes.stopped, lanes.paused))
    _draw_kernel[(count,)](
        logits, rows.seen.view(torch.uint8), rows.tokens, rows.lengths, rows.drawn, lanes.seeds, lanes.steps,
        lanes.limits, *flags, table.temperature, table.top_k, table.tail, table.penalty, table.noise,
        partial.ids, partial.scores, partial.thresholds, lists.ids, lists.scores, rows.drawn.stride(0), stop_token,
        V=vocabulary, BLOCK=triton.next_power_of_2(vocabulary), P=parts, BLOCK_P=triton.next_power_of_2(parts),
        PART_K=PART_K, SHORT=SHORT, num_warps=warps, **pdl_options(logits.device),
    )  # fmt: skip

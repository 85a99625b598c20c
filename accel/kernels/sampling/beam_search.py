"""Beam search, one step of every line: each beam's top-k over many programs (top_k.py), then its best continuations,
each line's choice among them, and the reorder of block tables and pages (beam_reorder.py). Its twin is
`next_token.choose_next`.

Dimensions: L lines, K beams, R = L * K rows, V vocabulary, P parts of it, C candidates of a line.
"""

from dataclasses import dataclass

import torch
import triton
import triton.language as tl

from ...cache.paged_cache import PagedCache
from ...state import DecodeState
from ..pdl import launch_dependents_and_wait, pdl_options
from .beam_reorder import copy_partial_pages, reorder_block_tables
from .draw import DRAW, SHORT, DrawSize, ShortLists, gather_short_list, gumbel_noise, top_p_mask, top_p_mask_short
from .top_k import PART_K, PartialTopK, merge_top_k, partial_top_k, penalize_scores, top_k_mask

NO_CANDIDATE = tl.constexpr(0x7FFFFFFF)
"""Place of a candidate that is none."""


@triton.jit
def _larger_candidate(key, token, total, other_key, other_token, other_total):
    """The continuation of larger key, of equal ones that of the lower id."""
    first = (key > other_key) | ((key == other_key) & (token < other_token))
    return (tl.where(first, key, other_key), tl.where(first, token, other_token), tl.where(first, total, other_total))


@triton.jit
def _store_best_candidates(total, key, ids, row, beam, keys, totals, places, V: tl.constexpr, K: tl.constexpr):
    """Store the 2K continuations of largest key, the lower id first; missing ones have key -inf."""
    for i in range(2 * K):
        best, token, its_total = tl.reduce((key, ids, total), axis=0, combine_fn=_larger_candidate)
        tl.store(keys + row * 2 * K + i, best)
        tl.store(totals + row * 2 * K + i, its_total)
        tl.store(places + row * 2 * K + i, tl.where(best > -float("inf"), beam * V + token, NO_CANDIDATE))
        key = tl.where(ids == token, -float("inf"), key)


@triton.jit
def _rank_continuations(x, kept, ids, before, strength, seed, step, row, beam, keys, totals, places, V: tl.constexpr,
                        K: tl.constexpr):  # fmt: skip
    """Rank the kept continuations by score and noise, and store the best of them."""
    total = tl.where(kept, x, 0.0) + before
    key = total
    if strength != 0.0:
        key += strength * gumbel_noise(seed, step, beam * V + ids)
    _store_best_candidates(total, tl.where(kept, key, -float("inf")), ids, row, beam, keys, totals, places, V, K)


@triton.jit
def _beam_candidates_kernel(logits, seen, scores, seeds, steps, finished, paused, temperature, top_k, tail, penalty,
                            noise, keys, totals, places, partial, partial_scores, thresholds, short_ids, short_scores,
                            V: tl.constexpr, BLOCK: tl.constexpr, P: tl.constexpr, BLOCK_P: tl.constexpr,
                            PART_K: tl.constexpr, K: tl.constexpr, SHORT: tl.constexpr, PDL: tl.constexpr):  # fmt: skip
    """A beam's 2K continuations of largest key."""
    row = tl.program_id(0)
    lane, beam = row // K, row % K
    alive = (tl.load(finished + lane) == 0) & (tl.load(paused + lane) == 0)
    k, seed, step = tl.load(top_k + lane), tl.load(seeds + lane), tl.load(steps + lane).to(tl.int32)
    strength, least, before = tl.load(noise + lane), tl.load(tail + lane), tl.load(scores + row)
    launch_dependents_and_wait(PDL)
    if alive:
        ids, x, kept = merge_top_k(partial, partial_scores, thresholds, row, k, V, P, BLOCK_P, PART_K)
        count = tl.sum(kept.to(tl.int32), axis=0)
        if (count > 0) & (count <= SHORT):
            few, few_x = gather_short_list(kept, ids, x, short_ids + row * SHORT, short_scores + row * SHORT, SHORT)
            few_kept = top_p_mask_short(few_x, few, few < V, least, 2)
            _rank_continuations(
                few_x, few_kept, few, before, strength, seed, step, row, beam, keys, totals, places, V, K
            )
        else:
            every = tl.arange(0, BLOCK)
            inside = every < V
            y = tl.load(logits + row * V + every, mask=inside, other=-float("inf"), cache_modifier=".cg")
            y = y - tl.max(y, axis=0)
            y = tl.where(inside, y - tl.log(tl.sum(tl.exp(y), axis=0)), 0.0)
            was_seen = tl.load(seen + row * V + every, mask=inside, other=0) != 0
            y = penalize_scores(y, was_seen, tl.load(penalty + lane), tl.load(temperature + lane))
            left = top_p_mask(y, every, top_k_mask(y, inside, k), least, 2)
            _rank_continuations(y, left, every, before, strength, seed, step, row, beam, keys, totals, places, V, K)


@triton.jit
def _best_candidates_mask(key, place, K: tl.constexpr):
    """Which candidates [C] are the 2K of largest key; of equal ones those at the first places."""
    chosen = key > float("inf")
    for _ in range(2 * K):
        best = tl.max(key, axis=0)
        first = tl.min(tl.where(key == best, place, NO_CANDIDATE), axis=0)
        chosen = chosen | (place == first)
        key = tl.where(place == first, -float("inf"), key)
    return chosen


@triton.jit
def _add_hypothesis(value, at, step, rank, slot, length, count, b, beam, K: tl.constexpr, SLOTS: tl.constexpr):
    """One hypothesis more, over the weakest where the line has K already and it is weaker."""
    worst = tl.min(rank, axis=0)
    room = count < K
    into = tl.where(room, count, tl.min(tl.where(rank == worst, b, SLOTS), axis=0))
    if room | (value > tl.min(tl.where(beam, rank, float("inf")), axis=0)):
        rank = tl.where(b == into, value, rank)
        slot = tl.where(b == into, at.to(tl.int64), slot)
        length = tl.where(b == into, step, length)
        count += room.to(tl.int32)
    return rank, slot, length, count


@triton.jit
def _select_beams(total, place, scale, step, rank, slot, length, count, b, beam, stop_token, V: tl.constexpr,
                  K: tl.constexpr, SLOTS: tl.constexpr):  # fmt: skip
    """Walk down the candidates: those that stop among the first K are finished, the first K that go on are the beams.

    Returns the beams' scores, tokens and parents, then the finished hypotheses' ranks, slots, lengths and number.
    """
    going = tl.full([], 0, tl.int32)
    score = tl.zeros([SLOTS], tl.float32)
    token = tl.zeros([SLOTS], tl.int32)
    parent = b
    for number in range(2 * K):
        best = tl.max(total, axis=0)
        first = tl.min(tl.where(total == best, place, NO_CANDIDATE), axis=0)
        total = tl.where(place == first, -float("inf"), total)
        stops = first % V == stop_token
        if stops & (number < K):
            rank, slot, length, count = _add_hypothesis(
                tl.div_rn(best, scale), first // V, step, rank, slot, length, count, b, beam, K, SLOTS
            )
        if (stops == 0) & (going < K):
            score = tl.where(b == going, best, score)
            token = tl.where(b == going, first % V, token)
            parent = tl.where(b == going, first // V, parent)
            going += 1
    return score, token, parent, rank, slot, length, count


@triton.jit
def _advance_beams_kernel(keys, totals, places, scores, ranks, slots, lengths_found, found, steps, limits, finished,
                          stopped, paused, length_penalty, tokens, lengths, tables, spares, drawn, parents, moves,
                          draws, columns, stop_token, V: tl.constexpr, PAGE: tl.constexpr, K: tl.constexpr,
                          SLOTS: tl.constexpr, CANDIDATES: tl.constexpr, COLUMNS: tl.constexpr,
                          PDL: tl.constexpr):  # fmt: skip
    launch_dependents_and_wait(PDL)
    lane = tl.program_id(0)
    b = tl.arange(0, SLOTS)
    beam = b < K
    row = lane * K + b
    if (tl.load(finished + lane) != 0) | (tl.load(paused + lane) != 0):
        tl.store(moves + row * 4 + 3, tl.full([SLOTS], -1, tl.int32), mask=beam)
    else:
        c = tl.arange(0, CANDIDATES)
        here = lane * 2 * K * K + c
        key = tl.load(keys + here, mask=c < 2 * K * K, other=-float("inf"), cache_modifier=".cg")
        total = tl.load(totals + here, mask=c < 2 * K * K, other=-float("inf"), cache_modifier=".cg")
        place = tl.load(places + here, mask=c < 2 * K * K, other=NO_CANDIDATE, cache_modifier=".cg")
        rank = tl.load(ranks + row, mask=beam, other=float("inf"))
        slot = tl.load(slots + row, mask=beam, other=0)
        length = tl.load(lengths_found + row, mask=beam, other=0)
        count = tl.load(found + lane).to(tl.int32)
        step = tl.load(steps + lane)
        exponent = tl.load(length_penalty + lane)
        position = (step + 1).to(tl.float32)
        scale = tl.where(exponent == 1.0, position, tl.exp(exponent * tl.log(position)))
        total = tl.where(_best_candidates_mask(key, place, K) & (place != NO_CANDIDATE), total, -float("inf"))
        highest = tl.max(total, axis=0)
        score, token, parent, rank, slot, length, count = _select_beams(
            total, place, scale, step, rank, slot, length, count, b, beam, stop_token, V, K, SLOTS
        )
        done = (count == K) & (tl.min(tl.where(beam, rank, float("inf")), axis=0) >= tl.div_rn(highest, scale))
        tl.store(scores + row, score, mask=beam)
        tl.store(ranks + row, rank, mask=beam)
        tl.store(slots + row, slot, mask=beam)
        tl.store(lengths_found + row, length, mask=beam)
        tl.store(found + lane, count.to(tl.int64))
        tl.store(drawn + row * draws + step, token, mask=beam)
        tl.store(parents + row * draws + step, parent, mask=beam)
        tl.store(tokens + row, token.to(tl.int64), mask=beam)
        tl.store(steps + lane, step + 1)
        tl.store(stopped + lane, done.to(tl.uint8))
        tl.store(finished + lane, (done | (step + 1 >= tl.load(limits + lane))).to(tl.uint8))
        reorder_block_tables(lane, row, b, beam, parent, lengths, tables, spares, moves, columns, PAGE, K, COLUMNS)


@dataclass(frozen=True, eq=False)
class BeamBuffers:
    """What the launches hand each other: the parts' lists; keys, totals, places [R, 2K]; moves int32 [R, 4]; lists
    within one."""

    partial: PartialTopK
    keys: torch.Tensor
    totals: torch.Tensor
    places: torch.Tensor
    moves: torch.Tensor
    lists: ShortLists

    @staticmethod
    def allocate(rows: int, beams: int, vocabulary: int, device: torch.device) -> "BeamBuffers":
        shape = (rows, 2 * beams)
        keys, totals = (torch.empty(shape, device=device) for _ in range(2))
        places = torch.empty(shape, dtype=torch.int32, device=device)
        moves = torch.full((rows, 4), -1, dtype=torch.int32, device=device)  # none, should nobody write any
        partial, lists = PartialTopK.allocate(rows, vocabulary, device), ShortLists.allocate(rows, device)
        return BeamBuffers(partial, keys, totals, places, moves, lists)


def advance_beams(
    state: DecodeState, logits: torch.Tensor, cache: PagedCache, stop_token: int, buffers: BeamBuffers
) -> None:
    """For every alive line: its beams' lengths, then their next tokens and all `choose_next` changes.

    logits: float32 [R, V], contiguous. What `draw_next` says of the state holds here as well.
    """
    rows, lanes, table, search, k = state.rows, state.lanes, state.table, state.search, state.beams
    count, vocabulary = logits.shape
    assert logits.dtype is torch.float32 and logits.is_contiguous(), f"logits are {logits.dtype}"
    assert rows.seen.shape == (count, vocabulary) and rows.seen.is_contiguous(), f"seen is {tuple(rows.seen.shape)}"
    assert k * vocabulary < 2**31, f"{k} beams of {vocabulary} tokens do not fit int32"
    finished, stopped, paused, seen = (
        flag.view(torch.uint8) for flag in (lanes.finished, lanes.stopped, lanes.paused, rows.seen)
    )
    slots, partial, options = triton.next_power_of_2(k), buffers.partial, pdl_options(logits.device)
    parts, warps = partial.thresholds.shape[1], DRAW.choose(DrawSize(vocabulary), logits.device).warps
    partial_top_k(logits, rows.seen, table, partial, log_softmax=True)
    _beam_candidates_kernel[(count,)](
        logits, seen, search.scores, lanes.seeds, lanes.steps, finished, paused, table.temperature, table.top_k,
        table.tail, table.penalty, table.noise, buffers.keys, buffers.totals, buffers.places, partial.ids,
        partial.scores, partial.thresholds, buffers.lists.ids, buffers.lists.scores, V=vocabulary,
        BLOCK=triton.next_power_of_2(vocabulary), P=parts, BLOCK_P=triton.next_power_of_2(parts), PART_K=PART_K, K=k,
        SHORT=SHORT, num_warps=warps, **options,
    )  # fmt: skip
    _advance_beams_kernel[(state.lane_count,)](
        buffers.keys, buffers.totals, buffers.places, search.scores, search.ranks, search.slots, search.lengths,
        search.found, lanes.steps, lanes.limits, finished, stopped, paused, table.length_penalty, rows.tokens,
        rows.lengths, rows.block_tables, rows.spares, rows.drawn, rows.parents, buffers.moves, rows.drawn.stride(0),
        rows.block_tables.stride(0), stop_token, V=vocabulary, PAGE=cache.page_size, K=k, SLOTS=slots,
        CANDIDATES=triton.next_power_of_2(2 * k * k), COLUMNS=64, num_warps=1, **options,
    )  # fmt: skip
    copy_partial_pages(cache, rows, buffers.moves, k)

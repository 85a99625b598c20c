"""Beam search and beam sampling, one step at a time, as a pure function over tensors.

Dimensions: L lines, K beams, V vocabulary, C candidates of a beam.
The procedure is transformers': each step the 2K best continuations of all beams together are picked (sampled without
replacement where the line samples); those that stop among the first K become finished hypotheses, the first K that
go on become the beams; a line is done when its K hypotheses cannot be beaten any more.
Sampling without replacement is Gumbel-top-k (Kool et al., 2019) over the flat index beam * V + token.
"""

from dataclasses import dataclass

import torch

from .params import SamplingTable, min_tokens_to_keep
from .philox import gumbel_noise
from .sampler import Candidates, filter_candidates

NEVER = -1e9
"""Score of beams 1… before the first step, where all beams are equal and one must speak for them."""


@dataclass(frozen=True, eq=False)
class BeamState:
    """Scores of L lines' beams and of their finished hypotheses, all [L, K] but `found` [L].

    scores: float32 sums of processed log-probabilities. A hypothesis is the tokens that beam `slots` held when it was
    `lengths` tokens long (stop token not counted); `ranks` are hypotheses' scores, -inf where empty. found: how many.
    """

    scores: torch.Tensor
    ranks: torch.Tensor
    slots: torch.Tensor
    lengths: torch.Tensor
    found: torch.Tensor

    @staticmethod
    def start_search(lines: int, beams: int, device: torch.device) -> "BeamState":
        scores = torch.zeros(lines, beams, device=device)
        scores[:, 1:] = NEVER
        counts = torch.zeros(lines, beams, dtype=torch.int64, device=device)
        return BeamState(scores, torch.full_like(scores, float("-inf")), counts, counts.clone(), counts[:, 0].clone())


@dataclass(frozen=True, eq=False)
class BeamChoice:
    """One step's outcome. tokens, parents: int64 [L, K], the beams' new tokens and the beams they continue.

    done: bool [L], no better hypothesis can come.
    """

    tokens: torch.Tensor
    parents: torch.Tensor
    state: BeamState
    done: torch.Tensor


@dataclass(frozen=True, eq=False)
class _Continuations:
    """The 2K continuations of each line, best first. totals, tokens, parents: [L, 2K]."""

    totals: torch.Tensor
    tokens: torch.Tensor
    parents: torch.Tensor

    def take_first(self, count: int) -> "_Continuations":
        return _Continuations(*(column[:, :count] for column in vars(self).values()))

    def gather_at(self, places: torch.Tensor) -> "_Continuations":
        return _Continuations(*(column.gather(1, places) for column in vars(self).values()))


def advance_beam_search(
    logits: torch.Tensor,
    seen: torch.Tensor,
    table: SamplingTable,
    seeds: torch.Tensor,
    steps: torch.Tensor,
    state: BeamState,
    stop_token: int,
) -> BeamChoice:
    """One step of L lines. logits: [L*K, V]. seen: bool [L*K, V]. table, seeds and steps (int64): one row a line."""
    beams = state.scores.shape[1]
    kept = _filter_continuations(logits, seen, table, beams)
    picks = _select_continuations(kept, seeds, steps, table.noise, state.scores, logits.shape[1])
    stops = picks.tokens == stop_token
    scale = (steps + 1).float() ** table.length_penalty
    # A graph takes this way always; where looking costs nothing, the usual step, in which no beam stops, skips it.
    some_stop = stops.device.type != "cpu" or bool(stops.any())
    for rank in range(beams if some_stop else 0):
        state = _record_hypothesis(state, stops[:, rank], picks.totals[:, rank] / scale, picks.parents[:, rank], steps)
    done = (state.found == beams) & (state.ranks.amin(dim=1) >= picks.totals[:, 0] / scale)
    going = picks if not some_stop else picks.gather_at(stops.to(torch.int8).sort(dim=1, stable=True).indices)
    going = going.take_first(beams)
    state = BeamState(going.totals, state.ranks, state.slots, state.lengths, state.found)
    return BeamChoice(going.tokens, going.parents, state, done)


def _filter_continuations(logits: torch.Tensor, seen: torch.Tensor, table: SamplingTable, beams: int) -> Candidates:
    """Penalty and filters work on log-probabilities here, unlike without beams."""
    rows = table.repeat_rows(beams)
    scores = logits.float().log_softmax(dim=1)
    # As `apply_repetition_penalty` would, in one step less: none of them is above 0.
    scores = torch.where(seen, scores * rows.penalty[:, None], scores)
    return filter_candidates(scores, rows, min_tokens_to_keep(beams))


def _select_continuations(
    kept: Candidates, seeds: torch.Tensor, steps: torch.Tensor, noise: torch.Tensor, scores: torch.Tensor, vocab: int
) -> _Continuations:
    """kept: of [L * K] rows. scores: [L, K], the beams' so far."""
    lines, beams = scores.shape
    totals = (kept.scores.view(lines, beams, -1) + scores[:, :, None]).view(lines, -1)
    slots = torch.arange(beams, device=scores.device)[:, None] * vocab
    flat = (kept.tokens.view(lines, beams, -1) + slots).view(lines, -1)
    keys = totals + noise[:, None] * gumbel_noise(seeds[:, None], steps[:, None], flat)
    # Of equal keys the first, which `topk` does not promise.
    places = keys.sort(dim=1, descending=True, stable=True).indices[:, : 2 * beams].sort(dim=1).values
    best, order = totals.gather(1, places).sort(dim=1, descending=True, stable=True)
    flat = flat.gather(1, places).gather(1, order)
    return _Continuations(best, flat % vocab, flat // vocab)


def _record_hypothesis(
    state: BeamState, stops: torch.Tensor, ranks: torch.Tensor, slots: torch.Tensor, steps: torch.Tensor
) -> BeamState:
    """Add one hypothesis to the lines where `stops`, over the weakest where the line has K already and it is weaker."""
    beams = state.ranks.shape[1]
    room = state.found < beams
    place = torch.where(room, state.found, state.ranks.argmin(dim=1))[:, None]
    accepted = stops & (room | (ranks > state.ranks.amin(dim=1)))

    def put(column: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        kept = torch.where(accepted, value.to(column.dtype), column.gather(1, place).squeeze(1))
        return column.scatter(1, place, kept[:, None])

    found = state.found + (accepted & room)
    return BeamState(state.scores, put(state.ranks, ranks), put(state.slots, slots), put(state.lengths, steps), found)


def pick_best_hypothesis(
    state: BeamState, lane: int, draws: int, done: bool, length_penalty: float
) -> tuple[int, int, bool]:
    """The winner of one line after `draws` draws: its beam, its length and whether a stop token ended it.

    Unless the line is `done`, the beams that still go on compete with the finished hypotheses.
    """
    found = int(state.found[lane])
    columns = (state.ranks[lane, :found], state.slots[lane, :found], state.lengths[lane, :found])
    ended = [(rank, slot, length, True) for rank, slot, length in zip(*(c.tolist() for c in columns), strict=True)]
    totals = [] if done else (state.scores[lane] / draws**length_penalty).tolist()
    going = [(total, slot, draws, False) for slot, total in enumerate(totals)]
    # Of equal hypotheses the later one wins, as in the original.
    _, slot, length, complete = max(reversed(ended + going), key=lambda entry: entry[0])
    return slot, length, complete


def backtrack_tokens(drawn: torch.Tensor, parents: torch.Tensor, slot: int, length: int) -> torch.Tensor:
    """Tokens int64 [length] that beam `slot` held when it was `length` long, from drawn and parents [K, M]."""
    tokens, origins = drawn[:, :length].tolist(), parents[:, :length].tolist()
    found = []
    for step in reversed(range(length)):
        found.append(tokens[slot][step])
        slot = origins[slot][step]
    return torch.tensor(found[::-1], dtype=torch.int64)

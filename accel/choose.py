"""Logits in, the state one token further: the draw, and with beams the re-ordering, all in place on the device.

Dimensions: L lanes, K beams, R = L * K rows, V vocabulary, S tokens a page, C block table columns.
"""

import torch

from .beams import advance
from .kv_cache import PagedCache
from .sampling import draw
from .state import DecodeState


def choose_next(state: DecodeState, logits: torch.Tensor, cache: PagedCache, stop_token: int) -> None:
    """Draw one token for every beam of every alive lane and record it. logits: [R, V]; lanes not alive keep all."""
    if state.beams == 1:
        lanes = state.lanes
        tokens = draw(logits, state.rows.seen, state.table, lanes.seeds, lanes.steps)
        _record(state, tokens, tokens == stop_token)
        return
    _choose_beams(state, logits, cache, stop_token)


def _choose_beams(state: DecodeState, logits: torch.Tensor, cache: PagedCache, stop_token: int) -> None:
    lanes, alive = state.lanes, state.alive
    choice = advance(logits, state.rows.seen, state.table, lanes.seeds, lanes.steps, state.search, stop_token)
    for name, column in vars(choice.state).items():
        held = getattr(state.search, name)
        held.copy_(torch.where(alive if held.dim() == 1 else alive[:, None], column, held))
    beams = torch.arange(state.beams, device=logits.device)
    parents = torch.where(alive[:, None], choice.parents, beams)
    _follow(state, parents, cache)
    _put(state.rows.parents, state, parents.flatten())
    _record(state, choice.tokens.flatten(), choice.done)


def _record(state: DecodeState, tokens: torch.Tensor, done: torch.Tensor) -> None:
    """tokens: int64 [R]. done: bool [L], stopped by this draw."""
    rows, lanes, alive = state.rows, state.lanes, state.alive
    _put(rows.drawn, state, tokens)
    rows.tokens.copy_(torch.where(alive.repeat_interleave(state.beams), tokens, rows.tokens))
    rows.seen.scatter_(1, rows.tokens[:, None], True)
    lanes.steps.add_(alive)
    lanes.stopped.logical_or_(alive & done)
    lanes.finished.logical_or_(alive & (done | (lanes.steps >= lanes.limits)))


def _put(record: torch.Tensor, state: DecodeState, values: torch.Tensor) -> None:
    """Write values [R] at each alive lane's current step of a record int32 [R, M]."""
    k = state.beams
    place = state.lanes.steps.clamp(max=record.shape[1] - 1).repeat_interleave(k)[:, None]
    kept = record.gather(1, place).squeeze(1)
    record.scatter_(1, place, torch.where(state.alive.repeat_interleave(k), values.to(record.dtype), kept)[:, None])


def _follow(state: DecodeState, parents: torch.Tensor, cache: PagedCache) -> None:
    """Make every beam continue its parent [L, K]: share the complete pages, copy the one that still fills up.

    The copy goes to the beam's spare page, since another beam may continue its own page; then the two swap roles.
    """
    rows, size = state.rows, cache.page_size
    here = torch.arange(parents.numel(), device=parents.device)
    origin = (torch.arange(parents.shape[0], device=parents.device)[:, None] * state.beams + parents).flatten()
    page, fill = (rows.lengths // size).long()[:, None], rows.lengths % size
    inherited = rows.block_tables[origin]
    moved = (origin != here) & (fill > 0)
    own, source = rows.block_tables.gather(1, page).squeeze(1), inherited.gather(1, page).squeeze(1)
    _copy(cache, source, rows.spares, moved, fill)
    complete = torch.arange(inherited.shape[1], device=parents.device) < page
    rows.block_tables.copy_(torch.where(complete, inherited, rows.block_tables))
    rows.block_tables.scatter_(1, page, torch.where(moved, rows.spares, own)[:, None])
    rows.spares.copy_(torch.where(moved, own, rows.spares))
    rows.seen.copy_(rows.seen[origin])


def _copy(cache: PagedCache, sources: torch.Tensor, targets: torch.Tensor, moved: torch.Tensor, fill: torch.Tensor):
    which = moved.nonzero().squeeze(1)
    if which.numel():
        cache.copy_pages(sources[which].long(), targets[which].long(), int(fill[which].max()))

"""Logits in, the state one token further: the draw, and with beams the re-ordering, all in place on the device.

Dimensions: L lanes, K beams, R = L * K rows, V vocabulary, S tokens a page, C block table columns.
"""

import torch

from .cache.paged_cache import PagedCache
from .sampling.beam_search import advance
from .sampling.sampler import draw
from .state import DecodeState


def choose_next(state: DecodeState, logits: torch.Tensor, cache: PagedCache, stop_token: int) -> None:
    """Draw one token for every beam of every alive lane and record it. logits: [R, V]; lanes not alive keep all."""
    alive = state.alive
    if state.beams == 1:
        tokens = draw(logits, state.rows.seen, state.table, state.lanes.seeds, state.lanes.steps)
        _record(state, alive, tokens, tokens == stop_token)
    else:
        _choose_beams(state, alive, logits, cache, stop_token)


def _choose_beams(
    state: DecodeState, alive: torch.Tensor, logits: torch.Tensor, cache: PagedCache, stop_token: int
) -> None:
    lanes = state.lanes
    choice = advance(logits, state.rows.seen, state.table, lanes.seeds, lanes.steps, state.search, stop_token)
    for name, column in vars(choice.state).items():
        held = getattr(state.search, name)
        if column is held:  # as in most steps, in which no beam stops
            continue
        held.copy_(torch.where(alive if held.dim() == 1 else alive[:, None], column, held))
    beams = torch.arange(state.beams, device=logits.device)
    parents = torch.where(alive[:, None], choice.parents, beams)
    follow = _follow_in_memory if parents.device.type == "cpu" else _follow
    follow(state, parents, cache)
    _record(state, alive, choice.tokens.flatten(), choice.done, parents.flatten())


def _record(
    state: DecodeState,
    alive: torch.Tensor,
    tokens: torch.Tensor,
    done: torch.Tensor,
    parents: torch.Tensor | None = None,
) -> None:
    """tokens, parents: int64 [R]. done: bool [L], stopped by this draw. Lanes not alive write to the last column."""
    rows, lanes = state.rows, state.lanes
    place = state.per_row(torch.where(alive, lanes.steps, rows.drawn.shape[1] - 1))[:, None]
    rows.drawn.scatter_(1, place, tokens.to(rows.drawn.dtype)[:, None])
    if parents is not None:
        rows.parents.scatter_(1, place, parents.to(rows.parents.dtype)[:, None])
    rows.tokens.copy_(torch.where(state.per_row(alive), tokens, rows.tokens))
    rows.seen.scatter_(1, rows.tokens[:, None], True)
    lanes.steps.add_(alive)
    ended = alive & done
    lanes.stopped.logical_or_(ended)
    lanes.finished.logical_or_(ended | (alive & (lanes.steps >= lanes.limits)))


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


def _copy(
    cache: PagedCache, sources: torch.Tensor, targets: torch.Tensor, moved: torch.Tensor, fill: torch.Tensor
) -> None:
    which = moved.nonzero().squeeze(1)
    if which.numel():
        cache.copy_pages(sources[which].long(), targets[which].long(), int(fill[which].max()))


def _follow_in_memory(state: DecodeState, parents: torch.Tensor, cache: PagedCache) -> None:
    """`_follow` row by row, which takes less time on a CPU."""
    rows, beams = state.rows, state.beams
    origin = [lane * beams + parent for lane, row in enumerate(parents.tolist()) for parent in row]
    moved = [(row, source) for row, source in enumerate(origin) if row != source]
    if not moved:
        return
    tables, spares, lengths = rows.block_tables.numpy(), rows.spares.numpy(), rows.lengths.tolist()
    before = tables.copy()
    for row, source in moved:
        column, fill = divmod(lengths[row], cache.page_size)
        tables[row, :column] = before[source, :column]
        if fill:
            cache.copy_page(int(before[source, column]), int(spares[row]), fill)
            tables[row, column], spares[row] = spares[row], before[row, column]
    rows.seen.copy_(rows.seen[origin])

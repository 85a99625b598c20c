"""Next token: logits in, the state one token further by sampling or beam search, in place on the device.

Dimensions: L lanes, K beams, R = L * K rows, V vocabulary, S tokens a page, C block table columns.
"""

import torch

from .cache.paged_cache import PagedCache
from .sampling.beam_search import advance_beam_search
from .sampling.sampler import sample_tokens
from .state import DecodeState


def choose_next(state: DecodeState, logits: torch.Tensor, cache: PagedCache, stop_token: int) -> None:
    """Draw one token for every beam of every alive lane and record it. logits: [R, V]; lanes not alive keep all."""
    alive = state.alive_lanes
    if state.beams == 1:
        tokens = sample_tokens(logits, state.rows.seen, state.table, state.lanes.seeds, state.lanes.steps)
        _record_tokens(state, alive, tokens, tokens == stop_token)
    else:
        _choose_by_beam_search(state, alive, logits, cache, stop_token)


def _choose_by_beam_search(
    state: DecodeState, alive: torch.Tensor, logits: torch.Tensor, cache: PagedCache, stop_token: int
) -> None:
    lanes = state.lanes
    choice = advance_beam_search(
        logits, state.rows.seen, state.table, lanes.seeds, lanes.steps, state.search, stop_token
    )
    for name, column in vars(choice.state).items():
        held = getattr(state.search, name)
        if column is held:  # as in most steps, in which no beam stops
            continue
        held.copy_(torch.where(alive if held.dim() == 1 else alive[:, None], column, held))
    beams = torch.arange(state.beams, device=logits.device)
    parents = torch.where(alive[:, None], choice.parents, beams)
    reorder = _reorder_beams_on_cpu if parents.device.type == "cpu" else _reorder_beams
    reorder(state, parents, cache)
    _record_tokens(state, alive, choice.tokens.flatten(), choice.done, parents.flatten())


def _record_tokens(
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


def _reorder_beams(state: DecodeState, parents: torch.Tensor, cache: PagedCache) -> None:
    """Reorder block tables so that every beam continues its parent [L, K]: share complete pages, copy the partial one.

    The copy goes to the beam's spare page, since another beam may continue its own page; then the two swap roles.
    """
    rows, size = state.rows, cache.page_size
    here = torch.arange(parents.numel(), device=parents.device)
    origin = (torch.arange(parents.shape[0], device=parents.device)[:, None] * state.beams + parents).flatten()
    page, fill = (rows.lengths // size).long()[:, None], rows.lengths % size
    inherited = rows.block_tables[origin]
    moved = (origin != here) & (fill > 0)
    own, source = rows.block_tables.gather(1, page).squeeze(1), inherited.gather(1, page).squeeze(1)
    _copy_partial_pages(cache, source, rows.spares, moved, fill)
    complete = torch.arange(inherited.shape[1], device=parents.device) < page
    rows.block_tables.copy_(torch.where(complete, inherited, rows.block_tables))
    rows.block_tables.scatter_(1, page, torch.where(moved, rows.spares, own)[:, None])
    rows.spares.copy_(torch.where(moved, own, rows.spares))
    rows.seen.copy_(rows.seen[origin])


def _copy_partial_pages(
    cache: PagedCache, sources: torch.Tensor, targets: torch.Tensor, moved: torch.Tensor, fill: torch.Tensor
) -> None:
    which = moved.nonzero().squeeze(1)
    if which.numel():
        cache.copy_pages(sources[which].long(), targets[which].long(), int(fill[which].max()))


def _reorder_beams_on_cpu(state: DecodeState, parents: torch.Tensor, cache: PagedCache) -> None:
    """`_reorder_beams` row by row, which takes less time on a CPU."""
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

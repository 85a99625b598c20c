"""Next token: logits in, the state one token further by sampling or beam search, in place on the device.

Dimensions: L lanes, K beams, R = L * K rows, V vocabulary, S tokens a page, C block table columns.
"""

import torch

from .cache.paged_cache import PagedCache
from .readback import send_to_device
from .sampling.beam_search import advance_beam_search
from .sampling.sampler import sample_tokens
from .state import DecodeState


def choose_next(state: DecodeState, logits: torch.Tensor, cache: PagedCache, stop_token: int) -> None:
    """Draw one token for every beam of every alive lane and record it. logits: [R, V]; lanes not alive keep all."""
    if state.beams == 1:
        tokens = sample_tokens(logits, state.rows.seen, state.table, state.lanes.seeds, state.lanes.steps)
        _record_tokens(state, tokens, tokens == stop_token)
    else:
        _choose_by_beam_search(state, logits, cache, stop_token)


def _choose_by_beam_search(state: DecodeState, logits: torch.Tensor, cache: PagedCache, stop_token: int) -> None:
    lanes, alive = state.lanes, state.alive_lanes
    seen = state.rows.seen
    choice = advance_beam_search(logits, seen, state.table, lanes.seeds, lanes.steps, state.search, stop_token)
    for name, column in vars(choice.state).items():
        held = getattr(state.search, name)
        if column is held:  # as in most steps, in which no beam stops
            continue
        held.copy_(torch.where(alive if held.dim() == 1 else alive[:, None], column, held))
    beams = torch.arange(state.beams, device=logits.device)
    parents = torch.where(alive[:, None], choice.parents, beams)
    _reorder_beams(state, parents, cache)
    _record_tokens(state, choice.tokens.flatten(), choice.done, parents.flatten())


def _record_tokens(
    state: DecodeState, tokens: torch.Tensor, done: torch.Tensor, parents: torch.Tensor | None = None
) -> None:
    """tokens, parents: int64 [R]. done: bool [L], stopped by this draw. Lanes not alive write to the last column."""
    rows, lanes, alive = state.rows, state.lanes, state.alive_lanes
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
    rows, beams = state.rows, state.beams
    origin = [lane * beams + parent for lane, row in enumerate(parents.tolist()) for parent in row]
    moved = [(row, source) for row, source in enumerate(origin) if row != source]
    if not moved:
        return
    # On a CPU these are the tensors' own memory.
    tables, spares, lengths = rows.block_tables.cpu().numpy(), rows.spares.cpu().numpy(), rows.lengths.tolist()
    before, copies, longest = tables.copy(), [], 0
    for row, source in moved:
        column, fill = divmod(lengths[row], cache.page_size)
        tables[row, :column] = before[source, :column]
        if fill:
            copies.append((int(before[source, column]), int(spares[row])))
            longest = max(longest, fill)
            tables[row, column], spares[row] = spares[row], before[row, column]
    if copies:
        sources, targets = send_to_device(copies, parents.device).unbind(1)
        cache.copy_pages(sources, targets, longest)
    rows.block_tables.copy_(torch.from_numpy(tables))
    rows.spares.copy_(torch.from_numpy(spares))
    rows.seen.copy_(rows.seen[origin])

"""One run of the engine over requests with equally many beams: admit, prefill, decode, answer, until none is left.

Dimensions: K beams, P prompt rows, V vocabulary, S tokens a page, C block table columns.
"""

import logging
from collections.abc import Callable, Iterator

import torch

from .beams import best, trace
from .kv_cache import SCRATCH_PAGE, PagedCache
from .scheduler import Growth, Running, Scheduler
from .sequence import Finished
from .state import DecodeState
from .step import StepRunner

logger = logging.getLogger(__name__)

Resources = Callable[[int], tuple[PagedCache, StepRunner]]
"""The cache and the runner to use, after a try to make room for that many more pages."""


class Batch:
    """Lanes of `state` are those of `scheduler.running`, in the same order."""

    def __init__(self, scheduler: Scheduler, state: DecodeState, resources: Resources, poll_steps: int) -> None:
        self._scheduler = scheduler
        self._state = state
        self._resources = resources
        self._poll_steps = poll_steps
        self._answered = 0
        self._told = False
        self._paused = False

    @property
    def drawn(self) -> int:
        """Tokens drawn so far, a line's beams counted once; exact after `advance`."""
        running = self._scheduler.running
        return self._answered + sum(r.cached - r.request.prompt.shape[0] + 1 for r in running)

    @property
    def busy(self) -> bool:
        return bool(self._scheduler.running or self._scheduler.waiting)

    def advance(self) -> list[Finished]:
        """Let lines join, decode up to `poll_steps` tokens of each, and return those that are finished."""
        scheduler = self._scheduler
        cache, runner = self._resources(scheduler.wanted(self._poll_steps))
        admitted = scheduler.admit()
        self._join(admitted, cache, runner)
        self._grow(self._claim_pages())
        self._tell()
        # A line that has just joined is heard of at once: its first code is there.
        runner.run(self._state, len(scheduler.running), 1 if admitted else self._poll_steps)
        return self._poll()

    def close(self) -> None:
        """Return every page and empty every lane, whatever state the run is in."""
        self._scheduler.release_all()
        self._state.cleared()

    def _claim_pages(self) -> list[Growth]:
        growths = self._scheduler.grow(self._poll_steps)
        while self._scheduler.stuck:
            lane = len(self._scheduler.running) - 1
            self._scheduler.evict()
            self._state.view(lane, lane + 1).cleared()
            growths = self._scheduler.grow(self._poll_steps)
        return growths

    def _join(self, admitted: list[Running], cache: PagedCache, runner: StepRunner) -> None:
        if not admitted:
            return
        last = len(self._scheduler.running)
        view = self._state.view(last - len(admitted), last)
        view.fill([running.request for running in admitted])
        self._place(admitted, view)
        device = view.rows.tokens.device
        slots = torch.cat([_prompt_slots(running, cache.page_size) for running in admitted]).to(device)
        logits = runner.prefill([running.request.prompt for running in admitted], slots)
        for running in admitted:
            _share_prompt(running, cache)
        runner.start(view, logits.repeat_interleave(view.beams, dim=0))

    def _place(self, admitted: list[Running], view: DecodeState) -> None:
        columns = view.rows.block_tables.shape[1]
        tables = [table + [SCRATCH_PAGE] * (columns - len(table)) for r in admitted for table in r.tables]
        view.rows.block_tables.copy_(torch.tensor(tables, dtype=torch.int32))
        if view.beams > 1:
            view.rows.spares.copy_(torch.tensor([page for r in admitted for page in r.spares], dtype=torch.int32))

    def _grow(self, growths: list[Growth]) -> None:
        rows, lanes, device = self._state.rows, self._state.lanes, self._state.rows.tokens.device
        if growths:
            cells = torch.tensor([(g.lane * self._state.beams + g.beam, g.column, g.page) for g in growths]).to(device)
            rows.block_tables[cells[:, 0], cells[:, 1]] = cells[:, 2].to(torch.int32)
        paused = [running.paused for running in self._scheduler.running]
        if any(paused) or self._paused:
            lanes.paused[: len(paused)] = torch.tensor(paused).to(device)
        self._paused = any(paused)

    def _tell(self) -> None:
        """A word, once a run, where memory keeps lines back."""
        scheduler = self._scheduler
        if not scheduler.short or self._told:
            return
        self._told = True
        logger.info(
            "the key-value cache (%d pages of %d tokens) has room for %d of %d lines now; the others take turns",
            scheduler.allocator.limit,
            scheduler.page_size,
            sum(not running.paused for running in scheduler.running),
            len(scheduler.running) + len(scheduler.waiting),
        )

    def _poll(self) -> list[Finished]:
        running, lanes = self._scheduler.running, self._state.lanes
        count = len(running)
        finished, steps = lanes.finished[:count].tolist(), lanes.steps[:count].tolist()
        self._update(steps)
        answers = [self._answer(lane, steps[lane]) for lane in range(count) if finished[lane]]
        for lane in reversed(range(count)):
            if finished[lane]:
                self._answered += steps[lane]
                self._leave(lane)
        return answers

    def _update(self, steps: list[int]) -> None:
        """Learn from the device how far each line is and how its beams share pages."""
        running, k = self._scheduler.running, self._state.beams
        for r, count in zip(running, steps, strict=True):
            r.cached = r.request.prompt.shape[0] + count - 1
        if k == 1:
            return
        columns = max(len(r.tables[0]) for r in running)
        tables = self._state.rows.block_tables[: len(running) * k, :columns].tolist()
        spares = self._state.rows.spares[: len(running) * k].tolist()
        for lane, r in enumerate(running):
            used = [table[: len(r.tables[0])] for table in tables[lane * k : (lane + 1) * k]]
            self._scheduler.replace_tables(r, used, spares[lane * k : (lane + 1) * k])

    def _answer(self, lane: int, draws: int) -> Finished:
        state = self._state.view(lane, lane + 1)
        index, sampling = self._scheduler.running[lane].index, self._scheduler.running[lane].request.sampling
        stopped = bool(state.lanes.stopped)
        if state.beams == 1:
            return Finished(index, state.rows.drawn[0, : draws - stopped].long().cpu(), stopped)
        slot, length, complete = best(state.search, 0, draws, stopped, sampling.length_penalty)
        return Finished(index, trace(state.rows.drawn, state.rows.parents, slot, length), complete)

    def _leave(self, lane: int) -> None:
        last = len(self._scheduler.running) - 1
        if lane < last:
            self._state.move(last, lane)
        else:
            self._state.view(lane, lane + 1).cleared()
        self._scheduler.retire(lane)


def _prompt_slots(running: Running, page_size: int) -> torch.Tensor:
    """Slots int64 [P] of beam 0's prompt rows."""
    pages = torch.tensor(running.tables[0])
    return (pages[:, None] * page_size + torch.arange(page_size)).flatten()[: running.cached]


def _share_prompt(running: Running, cache: PagedCache) -> None:
    """Give the other beams their own copy of the page that the prompt does not fill."""
    partial = running.cached % cache.page_size
    if partial and len(running.tables) > 1:
        device = cache.keys.device
        last = torch.tensor([table[-1] for table in running.tables]).to(device)
        cache.copy_pages(last[:1].expand(len(last) - 1), last[1:], partial)


def answers(batch: Batch, polled: Callable[[int], None]) -> Iterator[Finished]:
    """Run `batch` to its end; `polled` hears after each round how much is drawn. Closes the batch in any case."""
    try:
        while batch.busy:
            yield from batch.advance()
            polled(batch.drawn)
    finally:
        batch.close()

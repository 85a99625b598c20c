"""One run of the engine over requests with equally many beams: admit, prefill, decode, answer, until none is left.

The host may be some looks behind: it launches the next steps before it reads how the last ones ended, so that the
device never waits for it. Lines that have ended draw nothing more, and the device does all in order, so a page handed
out anew is written by its new owner after its old one.
Dimensions: K beams, P prompt rows, V vocabulary, S tokens a page, C block table columns.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator

import torch

from .cache.page_allocator import SCRATCH_PAGE
from .cache.paged_cache import PagedCache
from .readback import Look, Seen, to_device
from .request import Finished
from .runners.base import StepRunner
from .sampling.beam_search import best, trace
from .scheduler import Growth, Running, Scheduler, last_length
from .state import DecodeState

logger = logging.getLogger(__name__)

Resources = Callable[[int], tuple[PagedCache, StepRunner]]
"""The cache and the runner to use, after a try to make room for that many more pages."""


class Batch:
    """Lanes of `state` are those of `scheduler.running`, in the same order.

    poll_steps: launched at once. looks_behind: how many such groups may be under way when the next one is launched.
    """

    def __init__(
        self, scheduler: Scheduler, state: DecodeState, resources: Resources, poll_steps: int, looks_behind: int = 0
    ) -> None:
        self._scheduler = scheduler
        self._state = state
        self._resources = resources
        self._poll_steps = poll_steps
        self._looks_behind = looks_behind
        self._looks: deque[Look] = deque()
        self._answered = 0
        self._told = False
        self._paused = False

    @property
    def drawn(self) -> int:
        """Tokens that the host knows to be drawn, a line's beams counted once."""
        running = self._scheduler.running
        return self._answered + sum(r.cached - r.request.prompt.shape[0] + 1 for r in running)

    @property
    def busy(self) -> bool:
        return bool(self._scheduler.running or self._scheduler.waiting)

    def advance(self) -> list[Finished]:
        """Let lines join, or launch up to `poll_steps` more tokens of each; return those known to be finished."""
        scheduler = self._scheduler
        cache, runner = self._resources(scheduler.wanted(self._poll_steps))
        admitted = scheduler.admit()
        if admitted:
            self._join(admitted, cache, runner)
            self._looks.append(Look(self._state, scheduler.running, 0))
            return self._read(0)  # A line that has just joined is heard of at once: its first code is there.
        self._grow(self._claim_pages())
        self._tell()
        steps = min(self._poll_steps, max(map(_left, scheduler.running), default=0))
        if steps == 0:
            return self._read(0)
        runner.run(self._state, len(scheduler.running), steps)
        self._looks.append(Look(self._state, scheduler.running, steps))
        return self._read(self._looks_behind)

    def close(self) -> None:
        """Return every page and empty every lane, whatever state the run is in."""
        self._scheduler.release_all()
        self._state.cleared()

    def _claim_pages(self) -> list[Growth]:
        growths = self._scheduler.grow(self._poll_steps)
        while self._scheduler.stuck and not self._looks:
            lane = len(self._scheduler.running) - 1
            self._scheduler.evict()
            self._state.view(lane, lane + 1).cleared()
            growths = self._scheduler.grow(self._poll_steps)
        return growths

    def _join(self, admitted: list[Running], cache: PagedCache, runner: StepRunner) -> None:
        last = len(self._scheduler.running)
        view = self._state.view(last - len(admitted), last)
        view.fill([running.request for running in admitted])
        self._place(admitted, view)
        device = view.rows.tokens.device
        slots = to_device([s for r in admitted for s in _prompt_slots(r, cache.page_size)], device)
        logits = runner.prefill([running.request.prompt for running in admitted], slots)
        for running in admitted:
            _share_prompt(running, cache, device)
        runner.start(view, logits.repeat_interleave(view.beams, dim=0))

    def _place(self, admitted: list[Running], view: DecodeState) -> None:
        columns = view.rows.block_tables.shape[1]
        tables = [table + [SCRATCH_PAGE] * (columns - len(table)) for r in admitted for table in r.tables]
        view.rows.block_tables.copy_(to_device(tables, view.rows.tokens.device))
        if view.beams > 1:
            view.rows.spares.copy_(to_device([page for r in admitted for page in r.spares], view.rows.tokens.device))

    def _grow(self, growths: list[Growth]) -> None:
        rows, lanes, device = self._state.rows, self._state.lanes, self._state.rows.tokens.device
        if growths:
            cells = to_device([(g.lane * self._state.beams + g.beam, g.column, g.page) for g in growths], device)
            rows.block_tables[cells[:, 0], cells[:, 1]] = cells[:, 2].to(torch.int32)
        paused = [running.paused for running in self._scheduler.running]
        if any(paused) or self._paused:
            lanes.paused[: len(paused)] = to_device(paused, device)
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

    def _read(self, behind: int) -> list[Finished]:
        """Read all looks but the last `behind`."""
        answers: list[Finished] = []
        while len(self._looks) > behind:
            answers += self._learn(self._looks.popleft())
        return answers

    def _learn(self, look: Look) -> list[Finished]:
        seen = {line.running: line for line in look.read()}
        here = [(lane, seen[running]) for lane, running in enumerate(self._scheduler.running) if running in seen]
        for _, line in here:
            if line.pages is not None:
                self._scheduler.replace_tables(line.running, *line.pages)
        ended = [(lane, line) for lane, line in here if line.finished]
        if not ended:
            return []
        answers = self._answers(ended)
        before = len(self._scheduler.running)
        for lane, line in reversed(ended):
            self._answered += line.draws
            self._leave(lane)
        self._state.view(len(self._scheduler.running), before).cleared()
        return answers

    def _answers(self, ended: list[tuple[int, Seen]]) -> list[Finished]:
        """What lines came to, given their lanes."""
        if self._state.beams > 1:
            return [self._best(lane, line) for lane, line in ended]
        lanes = to_device([lane for lane, _ in ended], self._state.rows.drawn.device)
        drawn = self._state.rows.drawn[lanes].long().cpu()
        return [
            Finished(line.running.index, tokens[: line.draws - line.stopped].clone(), line.stopped)
            for tokens, (_, line) in zip(drawn, ended, strict=True)
        ]

    def _best(self, lane: int, line: Seen) -> Finished:
        """The winner among a line's beams."""
        state, running = self._state.view(lane, lane + 1), line.running
        penalty = running.request.sampling.length_penalty
        slot, length, complete = best(state.search, 0, line.draws, line.stopped, penalty)
        return Finished(running.index, trace(state.rows.drawn, state.rows.parents, slot, length), complete)

    def _leave(self, lane: int) -> None:
        """Let the last lane take this one's place; what stands in the last is still to be cleared."""
        last = len(self._scheduler.running) - 1
        if lane < last:
            self._state.copy(last, lane)
        self._scheduler.retire(lane)


def _left(running: Running) -> int:
    """Steps that could draw more for it than those under way."""
    return 0 if running.paused else max(0, last_length(running.request) - running.cached - running.flying)


def _prompt_slots(running: Running, page_size: int) -> list[int]:
    """Slots of beam 0's prompt rows."""
    return [page * page_size + place for page in running.tables[0] for place in range(page_size)][: running.cached]


def _share_prompt(running: Running, cache: PagedCache, device: torch.device) -> None:
    """Give the other beams their own copy of the page that the prompt does not fill."""
    partial = running.cached % cache.page_size
    if partial and len(running.tables) > 1:
        last = to_device([table[-1] for table in running.tables], device)
        cache.copy_pages(last[:1].expand(len(last) - 1), last[1:], partial)


def answers(batch: Batch, polled: Callable[[int], None]) -> Iterator[Finished]:
    """Run `batch` to its end; `polled` hears after each round how much is drawn. Closes the batch in any case."""
    try:
        while batch.busy:
            yield from batch.advance()
            polled(batch.drawn)
    finally:
        batch.close()

"""One run of the engine over requests with equally many beams: admit, prefill, decode, answer, until none is left.

The host may be some readbacks behind: it launches the next steps before it reads how the last ones ended, so that the
device never waits for it. Lines that have ended draw nothing more, and the device does all in order, so a page handed
out anew is written by its new owner after its old one.
Dimensions: K beams, P prompt rows, V vocabulary, S tokens a page, C block table columns.
"""

import logging
from collections import deque
from collections.abc import Callable

import torch

from .cache.page_allocator import SCRATCH_PAGE
from .cache.paged_cache import PagedCache
from .readback import LaneStatus, StatusReadback, send_to_device
from .request import Finished
from .runners.base import StepRunner
from .sampling.beam_search import backtrack_tokens, pick_best_hypothesis
from .scheduler import BlockTableWrite, RunningSequence, Scheduler, final_length
from .state import DecodeState

logger = logging.getLogger(__name__)

Resources = Callable[[int], tuple[PagedCache, StepRunner]]
"""The cache and the runner to use, after an attempt to free or add that many pages."""


class Batch:
    """Lanes of `state` are those of `scheduler.running`, in the same order.

    planned: lanes, rounded, of a run that has all the memory it wants. poll_steps: launched at once. readbacks_behind:
    how many such groups may be under way when the next one is launched.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        state: DecodeState,
        resources: Resources,
        planned: int,
        poll_steps: int,
        readbacks_behind: int = 0,
    ) -> None:
        self._scheduler, self._planned = scheduler, planned
        self._state = state
        self._resources = resources
        self._poll_steps = poll_steps
        self._readbacks_behind = readbacks_behind
        self._readbacks: deque[StatusReadback] = deque()
        self._answered = 0
        self._logged_cache_bound = False
        self._paused = False

    @property
    def tokens_drawn(self) -> int:
        """Tokens that the host knows to be drawn, a line's beams counted once."""
        running = self._scheduler.running
        return self._answered + sum(r.cached - r.request.prompt.shape[0] + 1 for r in running)

    @property
    def has_work(self) -> bool:
        return bool(self._scheduler.running or self._scheduler.waiting)

    def advance_lanes(self) -> list[Finished]:
        """Prefill what is admitted, or launch up to `poll_steps` more of all; return what is known to be finished."""
        scheduler = self._scheduler
        cache, runner = self._resources(scheduler.pages_wanted(self._poll_steps))
        admitted = scheduler.admit_waiting()
        if admitted:
            self._prefill_admitted(admitted, cache, runner)
            self._readbacks.append(StatusReadback(self._state, scheduler.running, 0))
            return self._read_pending(0)  # at once: the first tokens are there
        self._append_to_block_tables(self._grow_or_preempt())
        self._log_cache_bound_once()
        steps = min(self._poll_steps, max(map(_steps_left, scheduler.running), default=0))
        if steps == 0:
            return self._read_pending(0)
        runner.run_steps(self._state, len(scheduler.running), steps, self._planned)
        self._readbacks.append(StatusReadback(self._state, scheduler.running, steps))
        return self._read_pending(self._readbacks_behind)

    def close(self) -> None:
        """Return every page and empty every lane, whatever state the run is in."""
        self._scheduler.release_all()
        self._state.clear_lanes()

    def _grow_or_preempt(self) -> list[BlockTableWrite]:
        writes = self._scheduler.append_pages(self._poll_steps)
        while self._scheduler.is_stuck and not self._readbacks:
            lane = len(self._scheduler.running) - 1
            self._scheduler.preempt_last()
            self._state.slice_lanes(lane, lane + 1).clear_lanes()
            writes = self._scheduler.append_pages(self._poll_steps)
        return writes

    def _prefill_admitted(self, admitted: list[RunningSequence], cache: PagedCache, runner: StepRunner) -> None:
        last = len(self._scheduler.running)
        view = self._state.slice_lanes(last - len(admitted), last)
        view.start_requests([running.request for running in admitted])
        self._write_block_tables(admitted, view)
        device = view.rows.tokens.device
        slots = send_to_device([s for r in admitted for s in _prompt_slot_mapping(r, cache.page_size)], device)
        logits = runner.prefill([running.request.prompt for running in admitted], slots)
        for running in admitted:
            _copy_partial_prompt_page(running, cache, device)
        runner.draw_first(view, logits.repeat_interleave(view.beams, dim=0))

    def _write_block_tables(self, admitted: list[RunningSequence], view: DecodeState) -> None:
        columns = view.rows.block_tables.shape[1]
        tables = [table + [SCRATCH_PAGE] * (columns - len(table)) for r in admitted for table in r.block_tables]
        view.rows.block_tables.copy_(send_to_device(tables, view.rows.tokens.device))
        if view.beams > 1:
            view.rows.spares.copy_(
                send_to_device([page for r in admitted for page in r.spare_pages], view.rows.tokens.device)
            )

    def _append_to_block_tables(self, writes: list[BlockTableWrite]) -> None:
        rows, lanes, device = self._state.rows, self._state.lanes, self._state.rows.tokens.device
        if writes:
            cells = send_to_device(writes, device)
            rows.block_tables[cells[:, 0], cells[:, 1]] = cells[:, 2].to(torch.int32)
        paused = [running.paused for running in self._scheduler.running]
        if any(paused) or self._paused:
            lanes.paused[: len(paused)] = send_to_device(paused, device)
        self._paused = any(paused)

    def _log_cache_bound_once(self) -> None:
        """Say, once a run, that memory keeps sequences back."""
        scheduler = self._scheduler
        if not scheduler.cache_bound or self._logged_cache_bound:
            return
        self._logged_cache_bound = True
        logger.info(
            "the key-value cache (%d pages of %d tokens) has room for %d of %d lines now; the others take turns",
            scheduler.allocator.limit,
            scheduler.page_size,
            sum(not running.paused for running in scheduler.running),
            len(scheduler.running) + len(scheduler.waiting),
        )

    def _read_pending(self, behind: int) -> list[Finished]:
        """Read all readbacks but the last `behind`."""
        answers: list[Finished] = []
        while len(self._readbacks) > behind:
            answers += self._apply_readback(self._readbacks.popleft())
        return answers

    def _apply_readback(self, readback: StatusReadback) -> list[Finished]:
        known = {status.running: status for status in readback.read_status()}
        here = [(lane, known[running]) for lane, running in enumerate(self._scheduler.running) if running in known]
        for _, status in here:
            if status.pages is not None:
                self._scheduler.replace_block_tables(status.running, *status.pages)
        ended = [(lane, status) for lane, status in here if status.finished]
        if not ended:
            return []
        answers = self._collect_answers(ended)
        before = len(self._scheduler.running)
        for lane, status in reversed(ended):
            self._answered += status.draws
            self._vacate_lane(lane)
        self._state.slice_lanes(len(self._scheduler.running), before).clear_lanes()
        return answers

    def _collect_answers(self, ended: list[tuple[int, LaneStatus]]) -> list[Finished]:
        """The tokens of lanes that have ended."""
        if self._state.beams > 1:
            return [self._best_hypothesis(lane, status) for lane, status in ended]
        lanes = send_to_device([lane for lane, _ in ended], self._state.rows.drawn.device)
        drawn = self._state.rows.drawn[lanes].long().cpu()
        return [
            Finished(status.running.index, tokens[: status.draws - status.stopped].clone(), status.stopped)
            for tokens, (_, status) in zip(drawn, ended, strict=True)
        ]

    def _best_hypothesis(self, lane: int, status: LaneStatus) -> Finished:
        state, running = self._state.slice_lanes(lane, lane + 1), status.running
        penalty = running.request.sampling.length_penalty
        slot, length, complete = pick_best_hypothesis(state.search, 0, status.draws, status.stopped, penalty)
        return Finished(running.index, backtrack_tokens(state.rows.drawn, state.rows.parents, slot, length), complete)

    def _vacate_lane(self, lane: int) -> None:
        """Move the last lane into this one's place; what stands in the last is still to be cleared."""
        last = len(self._scheduler.running) - 1
        if lane < last:
            self._state.copy_lane(last, lane)
        self._scheduler.retire_lane(lane)


def _steps_left(running: RunningSequence) -> int:
    """Steps that it could take beyond those in flight."""
    return 0 if running.paused else max(0, final_length(running.request) - running.cached - running.in_flight_tokens)


def _prompt_slot_mapping(running: RunningSequence, page_size: int) -> list[int]:
    """Slots of beam 0's prompt rows."""
    slots = [page * page_size + place for page in running.block_tables[0] for place in range(page_size)]
    return slots[: running.cached]


def _copy_partial_prompt_page(running: RunningSequence, cache: PagedCache, device: torch.device) -> None:
    """Give the other beams their own copy of the page that the prompt does not fill."""
    partial = running.cached % cache.page_size
    if partial and len(running.block_tables) > 1:
        last = send_to_device([table[-1] for table in running.block_tables], device)
        cache.copy_pages(last[:1].expand(len(last) - 1), last[1:], partial)

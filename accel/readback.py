"""Readback of lane status: an asynchronous device-to-host copy, started at one point of the device's work, read later.

Dimensions: L lanes, K beams, C block table columns.
In between the host may go on: hand out further pages, launch further steps. Sequences may have left by then or moved
to other lanes, so a readback remembers who was where.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .scheduler import RunningSequence
from .state import DecodeState

LinePageTables = tuple[list[list[int]], list[int]]
"""A line's block tables, one for each beam, and its spare pages."""


@dataclass(frozen=True, eq=False)
class LaneStatus:
    """A sequence as it was: draws made, whether it has finished and whether by a stop, and with beams its pages."""

    running: RunningSequence
    draws: int
    finished: bool
    stopped: bool
    pages: LinePageTables | None


class StatusReadback:
    """The status of every running sequence, lanes of `state` in the order of `running`.

    steps: how many were launched since the last readback; sequences that are not paused may have made them, and count
    them as `in_flight_tokens` until this one is read.
    """

    def __init__(self, state: DecodeState, running: Sequence[RunningSequence], steps: int) -> None:
        self._running, self._beams = list(running), state.beams
        self._steps = [0 if r.paused else steps for r in self._running]
        self._columns = [len(r.block_tables[0]) for r in self._running]
        count, rows, lanes = len(self._running), state.rows, state.lanes
        copied = [lanes.steps[:count], lanes.finished[:count], lanes.stopped[:count]]
        if state.beams > 1:
            used = count * state.beams
            copied += [rows.block_tables[:used, : max(self._columns)], rows.spares[:used]]
        self._copy = AsyncHostCopy(*copied)
        for r, made in zip(self._running, self._steps, strict=True):
            r.in_flight_tokens += made

    def read_status(self) -> list[LaneStatus]:
        """Waits until the device got here. Every sequence learns how far it was then."""
        draws, finished, stopped, *pages = (tensor.tolist() for tensor in self._copy.wait())
        seen = []
        for lane, r in enumerate(self._running):
            r.in_flight_tokens -= self._steps[lane]
            r.cached = r.request.prompt.shape[0] + draws[lane] - 1
            mine = self._page_tables(lane, *pages) if pages else None
            seen.append(LaneStatus(r, draws[lane], finished[lane], stopped[lane], mine))
        return seen

    def _page_tables(self, lane: int, tables: list[list[int]], spares: list[int]) -> LinePageTables:
        """Pages appended meanwhile stand behind those copied: steps move only pages before the one that fills up."""
        mine, width = slice(lane * self._beams, (lane + 1) * self._beams), self._columns[lane]
        beams = zip(tables[mine], self._running[lane].block_tables, strict=True)
        return [[*then[:width], *now[width:]] for then, now in beams], spares[mine]


def send_to_device(values: Sequence[object], device: torch.device) -> torch.Tensor:
    """A new tensor of `values`; a GPU fetches them when it gets there."""
    if device.type != "cuda":
        return torch.tensor(values).to(device)
    return torch.tensor(values, pin_memory=True).to(device, non_blocking=True)


class AsyncHostCopy:
    """Host copies of tensors as the device has them when it gets here; `wait` waits for that and no longer."""

    def __init__(self, *tensors: torch.Tensor) -> None:
        # Into pinned memory from a GPU. A copy in any case: what is on the CPU goes on changing.
        self._copies = [t.to("cpu", non_blocking=t.is_cuda, copy=True) for t in tensors]
        self._event = torch.cuda.Event() if tensors[0].is_cuda else None
        if self._event is not None:
            self._event.record(torch.cuda.current_stream(tensors[0].device))

    def wait(self) -> list[torch.Tensor]:
        if self._event is not None:
            self._event.synchronize()
        return self._copies

"""What the host learns of its lanes: asked for at one point of the device's work, read when the answer is there.

Dimensions: L lanes looked at, K beams, C block table columns.
Between asking and reading the host may go on: hand out further pages, launch further steps. Lines may have left by then
or moved to other lanes, so a look remembers who was where.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .scheduler import Running
from .state import DecodeState

Pages = tuple[list[list[int]], list[int]]
"""A line's page tables, one for each beam, and its spares."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One line as it was: draws made, whether it has finished and whether by a stop, and with beams its pages."""

    running: Running
    draws: int
    finished: bool
    stopped: bool
    pages: Pages | None


class Look:
    """One question about every running line, lanes of `state` in the order of `running`.

    steps: how many were launched since the last look; lines that are not paused may have made them, and count them as
    `flying` until this look is read.
    """

    def __init__(self, state: DecodeState, running: Sequence[Running], steps: int) -> None:
        self._running, self._beams = list(running), state.beams
        self._steps = [0 if r.paused else steps for r in self._running]
        self._columns = [len(r.tables[0]) for r in self._running]
        count, rows, lanes = len(self._running), state.rows, state.lanes
        asked = [lanes.steps[:count], lanes.finished[:count], lanes.stopped[:count]]
        if state.beams > 1:
            used = count * state.beams
            asked += [rows.block_tables[:used, : max(self._columns)], rows.spares[:used]]
        self._answer = Departed(*asked)
        for r, made in zip(self._running, self._steps, strict=True):
            r.flying += made

    def read(self) -> list[Seen]:
        """Waits until the device got here. Every line learns how far it was then."""
        draws, finished, stopped, *pages = (tensor.tolist() for tensor in self._answer.arrived())
        seen = []
        for lane, r in enumerate(self._running):
            r.flying -= self._steps[lane]
            r.cached = r.request.prompt.shape[0] + draws[lane] - 1
            mine = self._pages(lane, *pages) if pages else None
            seen.append(Seen(r, draws[lane], finished[lane], stopped[lane], mine))
        return seen

    def _pages(self, lane: int, tables: list[list[int]], spares: list[int]) -> Pages:
        """Pages that a line got meanwhile stand behind those it had: steps move pages before the one that fills up."""
        mine, width = slice(lane * self._beams, (lane + 1) * self._beams), self._columns[lane]
        beams = zip(tables[mine], self._running[lane].tables, strict=True)
        return [[*then[:width], *now[width:]] for then, now in beams], spares[mine]


def to_device(values: Sequence[object], device: torch.device) -> torch.Tensor:
    """A new tensor of `values`; a GPU fetches them when it gets there."""
    if device.type != "cuda":
        return torch.tensor(values).to(device)
    return torch.tensor(values, pin_memory=True).to(device, non_blocking=True)


class Departed:
    """Copies of tensors as the device has them when it gets here; `arrived` waits for that and no longer."""

    def __init__(self, *tensors: torch.Tensor) -> None:
        # Into pinned memory from a GPU. A copy in any case: what is on the CPU goes on changing.
        self._copies = [t.to("cpu", non_blocking=t.is_cuda, copy=True) for t in tensors]
        self._event = torch.cuda.Event() if tensors[0].is_cuda else None
        if self._event is not None:
            self._event.record(torch.cuda.current_stream(tensors[0].device))

    def arrived(self) -> list[torch.Tensor]:
        if self._event is not None:
            self._event.synchronize()
        return self._copies

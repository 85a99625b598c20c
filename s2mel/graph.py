"""The estimator as captured CUDA graphs, one for each size of packing; everything a graph reads lies at a fixed place.

Dimensions: M frames with the room behind them, R branches, D width, P numbers of one step.
"""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..runtime.cuda_graphs import CapturedGraph, GraphCache
from .estimator import Estimator
from .flow import Velocity
from .packing import Packing, pack, with_tail
from .schedule import Schedule, Times
from .stages import Stages

log = logging.getLogger(__name__)

MOST_GRAPHS = 12
MOST_SCHEDULES = 4
TAIL_PARTS = 8
"""A tail is rounded up to eighths of its packing: few graphs for all that lines and prompts may be."""

STEPS_AHEAD = 2
"""How many steps the host may be ahead of the device; a cancelled run is over that many steps later."""


class Eager:
    """Launches every kernel anew; any device."""

    name = "eager"

    def __init__(self, estimator: Estimator, stages: Stages) -> None:
        self._estimator, self._stages = estimator, stages
        self._schedules: OrderedDict[Times, Schedule] = OrderedDict()

    def packing(self, lengths: Sequence[int], prompts: Sequence[int], branches: int) -> Packing:
        """Of lines of so many frames, the first of which are prompts."""
        packing = pack(lengths, branches, self._estimator.device)
        return with_tail(packing, prompts, self._estimator.wavenet.looks_back)

    def schedule(self, times: Times) -> Schedule:
        """All that depends on time alone, worked out once for each number of steps."""
        if times not in self._schedules:
            self._schedules[times] = self._estimator.schedule(times)
            if len(self._schedules) > MOST_SCHEDULES:
                self._schedules.popitem(last=False)
        self._schedules.move_to_end(times)
        return self._schedules[times]

    def velocity(self, constants: Tensor, schedule: Schedule, packing: Packing) -> Velocity:
        """The estimator as the solver wants it. constants float32 [R, M, D]."""
        return lambda x, step: self._estimator(x, constants, schedule[step], packing, self._stages)

    def release(self) -> None:
        self._schedules.clear()


class FlowStepGraph:
    """One graph, and the tensors it reads and writes."""

    def __init__(self, estimator: Estimator, stages: Stages, constants: Tensor, schedule: Schedule, packing: Packing,
                 pool: Any) -> None:  # fmt: skip
        self.packing, self.constants, self.row = packing, constants, schedule.rows[0].clone()
        self.x = torch.zeros(packing.frames, estimator.bands, device=packing.device)
        step = schedule.read(self.row)
        self._graph = CapturedGraph(lambda: estimator(self.x, constants, step, packing, stages), packing.device, pool)

    def __call__(self, x: Tensor, row: Tensor) -> Tensor:
        """x float32 [frames, bands] to [R, frames, bands], valid until the next call."""
        self.x[: len(x)].copy_(x)
        self.row.copy_(row)
        return self._graph.replay()[:, : len(x)]


class Graphs(Eager):
    """Replays a graph per step. Packings get room up to a round size, so that few graphs serve all lengths."""

    name = "CUDA graphs"

    def __init__(self, estimator: Estimator, stages: Stages) -> None:
        super().__init__(estimator, stages)
        self._graphs: GraphCache[tuple[int, int, int, int], FlowStepGraph] = GraphCache(MOST_GRAPHS)

    def packing(self, lengths: Sequence[int], prompts: Sequence[int], branches: int) -> Packing:
        """As `Eager.packing`, with room behind the lines and behind their tails."""
        lines, frames = 1 << (len(lengths) - 1).bit_length(), rounded(sum(lengths))
        packing = pack(lengths, branches, self._estimator.device, frames, room_for=lines)
        return with_tail(packing, prompts, self._estimator.wavenet.looks_back, TAIL_PARTS)

    def velocity(self, constants: Tensor, schedule: Schedule, packing: Packing) -> Velocity:
        """As `Eager.velocity`; what a call returns is overwritten by the next."""
        graph = self._find(constants, schedule, packing)
        done = [torch.cuda.Event() for _ in range(STEPS_AHEAD)]

        def velocity(x: Tensor, step: int) -> Tensor:
            event = done[step % STEPS_AHEAD]
            event.synchronize()
            out = graph(x, schedule.rows[step])
            event.record()
            return out

        return velocity

    def release(self) -> None:
        """Drop every graph and the memory they share."""
        super().release()
        self._graphs.clear()

    def _find(self, constants: Tensor, schedule: Schedule, packing: Packing) -> FlowStepGraph:
        graph = self._graphs.get(packing.size, lambda pool: self._capture(constants, schedule, packing, pool))
        if graph.packing is not packing:
            graph.packing.copy_(packing)
            graph.constants.copy_(constants)
        return graph

    def _capture(self, constants: Tensor, schedule: Schedule, packing: Packing, pool: Any) -> FlowStepGraph:
        graph = FlowStepGraph(self._estimator, self._stages, constants, schedule, packing, pool)
        size = packing.size
        log.debug("captured the flow's step for %d branches, %d frames, %d lines, a tail of %d frames", *size)
        return graph


def rounded(frames: int) -> int:
    """Up to a multiple of 128, or of a sixteenth of the next power of two where that is more: at most 7 % of room."""
    unit = max(128, 1 << max(0, (frames - 1).bit_length() - 4))
    return -(-frames // unit) * unit

"""How the flow's steps are launched: kernel by kernel, or as captured CUDA graphs, one for each size of packing.

Everything a graph reads lies at a fixed address.
Dimensions: M frames with their padding, R branches of guidance, D width, P numbers of one step.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from ..runtime.cuda_graphs import CapturedGraph, GraphCache, GraphPool
from .estimator import Estimator, count_token_bytes
from .packing import Packing, pack_lines, with_generated_region
from .solver import FlowSchedule, Velocity, uniform_schedule
from .stages import EstimatorStages
from .step_tables import StepTables

MOST_GRAPHS = 12
MOST_SCHEDULES = 4
REGION_PARTS = 8
"""The generated region is padded to eighths of its packing: few graphs for all that lines and prompts may be."""

STEPS_AHEAD = 2
"""How many steps the host may be ahead of the device; a cancelled run is over that many steps later."""


class EagerFlowRunner:
    """Launches every kernel anew, on any device."""

    name = "eager"

    def __init__(self, estimator: Estimator, stages: EstimatorStages) -> None:
        self._estimator, self._stages = estimator, stages
        self._step_tables = lru_cache(MOST_SCHEDULES)(estimator.step_tables)

    def pack_lines(self, lengths: Sequence[int], prompts: Sequence[int], branches: int) -> Packing:
        """Of lines of so many frames, the first of which are prompts."""
        packing = pack_lines(lengths, branches, self._estimator.device)
        return with_generated_region(packing, prompts, self._estimator.wavenet.left_receptive_field)

    def step_tables(self, schedule: FlowSchedule) -> StepTables:
        """All that depends on time alone, worked out once for all schedules that visit the same times."""
        return self._step_tables(schedule.starts)

    def velocity_field(self, constants: Tensor, tables: StepTables, packing: Packing) -> Velocity:
        """The estimator as the ODE solver wants it. constants float32 [R, M, D]."""
        return lambda x, step: self._estimator(x, constants, tables[step], packing, self._stages)

    def new_step(self, frames: int) -> Callable[[], Tensor]:
        """A step of one line of zeros, half of them prompt, ready to be captured."""
        estimator, packing = self._estimator, self.pack_lines([frames], [frames // 2], branches=2)
        x = torch.zeros(packing.frames, estimator.bands, device=packing.device)
        constants = x.new_zeros(packing.branches, packing.frames, estimator.config.dit.hidden_dim)
        step = self.step_tables(uniform_schedule(1))[0]
        return lambda: estimator(x, constants, step, packing, self._stages)

    def release_graphs(self) -> None:
        self._step_tables.cache_clear()


class FlowStepGraph:
    """One graph, and the tensors it reads and writes."""

    def __init__(self, estimator: Estimator, stages: EstimatorStages, constants: Tensor, tables: StepTables,
                 packing: Packing, pool: GraphPool) -> None:  # fmt: skip
        self.packing, self.constants, self.row = packing, constants, tables.rows[0].clone()
        self.x = torch.zeros(packing.frames, estimator.bands, device=packing.device)
        step = tables.step_table(self.row)
        self._graph = CapturedGraph(lambda: estimator(self.x, constants, step, packing, stages), packing.device, pool)

    def __call__(self, x: Tensor, row: Tensor) -> Tensor:
        """x float32 [frames, bands] to [R, frames, bands], valid until the next call."""
        self.x[: len(x)].copy_(x)
        self.row.copy_(row)
        return self._graph.replay()[:, : len(x)]


class GraphFlowRunner(EagerFlowRunner):
    """Replays a graph per step. Packings are padded to a round size, so that few graphs serve all lengths."""

    name = "CUDA graphs"

    def __init__(self, estimator: Estimator, stages: EstimatorStages) -> None:
        super().__init__(estimator, stages)
        self._graphs: GraphCache[tuple[int, int, int, int], FlowStepGraph]
        token_bytes = count_token_bytes(estimator.config, estimator.dtype.itemsize)
        self._graphs = GraphCache("the flow's step", MOST_GRAPHS, bytes_of=lambda key: key[0] * key[1] * token_bytes)

    def pack_lines(self, lengths: Sequence[int], prompts: Sequence[int], branches: int) -> Packing:
        """As `EagerFlowRunner.pack_lines`, the lines padded and their generated region as well."""
        lines, frames = 1 << (len(lengths) - 1).bit_length(), round_up_frames(sum(lengths))
        packing = pack_lines(lengths, branches, self._estimator.device, frames, lines)
        return with_generated_region(packing, prompts, self._estimator.wavenet.left_receptive_field, REGION_PARTS)

    def velocity_field(self, constants: Tensor, tables: StepTables, packing: Packing) -> Velocity:
        """As `EagerFlowRunner.velocity_field`; what a call returns is overwritten by the next."""
        graph = self._load_graph(constants, tables, packing)
        done = [torch.cuda.Event() for _ in range(STEPS_AHEAD)]

        def velocity(x: Tensor, step: int) -> Tensor:
            event = done[step % STEPS_AHEAD]
            event.synchronize()
            out = graph(x, tables.rows[step])
            event.record()
            return out

        return velocity

    def release_graphs(self) -> None:
        """Drop every graph and the memory they share."""
        super().release_graphs()
        self._graphs.clear()

    def _load_graph(self, constants: Tensor, tables: StepTables, packing: Packing) -> FlowStepGraph:
        parts = self._estimator, self._stages, constants, tables, packing
        graph = self._graphs.get(packing.shape_key, lambda pool: FlowStepGraph(*parts, pool))
        if graph.packing is not packing:
            graph.packing.copy_(packing)
            graph.constants.copy_(constants)
        return graph


def round_up_frames(frames: int) -> int:
    """To a multiple of 128, or of a sixteenth of the next power of two where that is more: at most 7 % of padding."""
    unit = max(128, 1 << max(0, (frames - 1).bit_length() - 4))
    return -(-frames // unit) * unit

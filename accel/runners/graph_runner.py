"""The CUDA graph runner: a whole decode step captured once for each number of lanes, replayed without the host.

Dimensions: L lanes, R rows.
"""

import logging
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch

from ...runtime.cuda_graphs import CaptureOnSecondRun, GraphCache, GraphPool
from ..attention import AttentionBackend
from ..cache.paged_cache import PagedCache
from ..kernels.decode_step import DecodeStep, step_shapes, why_unsupported
from ..kernels.linear.folded_norm import FoldedNorms
from ..kernels.sampling.beam_search import BeamBuffers, advance_beams
from ..kernels.sampling.draw import DrawBuffers, draw_next
from ..state import DecodeState, round_up_lanes
from ..weights import DecoderWeights
from .prefill_graphs import PrefillGraphs
from .torch_runner import TorchRunner

logger = logging.getLogger(__name__)


class GraphRunner:
    """See `StepRunner`. Beams' first draws go through plain torch; so does all that cannot be captured.

    Prompts are computed one by one: the matrix products of several together would sum in another order.
    """

    name = "CUDA graphs"

    def __init__(self, weights: DecoderWeights, cache: PagedCache, attention: AttentionBackend) -> None:
        self._weights, self._cache = weights, cache
        self._plain = TorchRunner(weights, cache, attention)
        self._graphs: GraphCache[tuple[Hashable, ...], Any] = GraphCache("the engine")
        self._prompts = PrefillGraphs(weights, self._plain, self._graphs)
        self._refused = why_unsupported(weights)
        if self._refused is not None:
            logger.warning("decoding without CUDA graphs: %s", self._refused)
        self._folded_norms = FoldedNorms.from_weights(weights) if self._refused is None else None

    def prefill(self, prompts: Sequence[torch.Tensor], slots: torch.Tensor) -> torch.Tensor:
        parts = zip(prompts, slots.split([len(prompt) for prompt in prompts]), strict=True)
        return torch.cat([self._prompts(*part) for part in parts])

    def draw_first(self, state: DecodeState, logits: torch.Tensor) -> None:
        if self._refused is not None or state.beams > 1:
            self._plain.draw_first(state, logits)
            return
        state.rows.lengths.sub_(1)  # the draw counts the token that has entered, and a prompt's last row is counted
        draw_next(state, logits, self._weights.stop_token)

    def run_steps(self, state: DecodeState, lanes: int, steps: int, planned: int) -> None:
        if self._refused is not None:
            self._plain.run_steps(state, lanes, steps, planned)
            return
        captured = self._captured_step(state, self.lanes_alike(lanes, planned, state.beams))
        for _ in range(steps):
            captured()

    def close(self) -> None:
        """Drop every graph and the memory they share."""
        self._wait_for_graphs()
        self._graphs.clear()

    def lanes_alike(self, lanes: int, planned: int, beams: int) -> int:
        """The fewest from `lanes` on whose step sums in the same order as one of all `planned`."""
        count, wanted = round_up_lanes(lanes), step_shapes(self._weights, planned * beams)
        while count < planned and step_shapes(self._weights, count * beams) != wanted:
            count *= 2
        return min(count, planned)

    def _captured_step(self, state: DecodeState, lanes: int) -> CaptureOnSecondRun:
        key = ("step", id(state), state.beams, lanes)
        if key not in self._graphs:
            self._forget_smaller(state)
            logger.debug("capturing the decode step of %d lanes with %d beams", lanes, state.beams)
        captured: CaptureOnSecondRun = self._graphs.get(key, lambda pool: self._new_step(state, lanes, pool))[1]
        return captured

    def _new_step(self, state: DecodeState, lanes: int, pool: GraphPool) -> tuple[DecodeState, CaptureOnSecondRun]:
        """With the state that the step writes, so that its address stays its own."""
        view = state if lanes == state.lane_count else state.slice_lanes(0, lanes)
        step = build_step(self._weights, self._cache, view, self._folded_norms, self._weights.stop_token)
        return state, CaptureOnSecondRun(step, "the decode step", self._weights.device, pool)

    def _forget_smaller(self, state: DecodeState) -> None:
        """Drop the graphs of a state that this one has taken over from."""
        same_beams = [key for key in self._graphs if key[0] == "step" and key[2] == state.beams]
        replaced = [key for key in same_beams if key[1] != id(state)]
        if replaced:
            self._wait_for_graphs()
        for key in replaced:
            self._graphs.drop(key)

    def _wait_for_graphs(self) -> None:
        """Until no graph runs any more, which a cancelled run does not wait for."""
        if self._weights.device.type == "cuda":
            torch.cuda.synchronize(self._weights.device)


def build_step(
    weights: DecoderWeights, cache: PagedCache, view: DecodeState, norms: FoldedNorms | None, stop_token: int
) -> Callable[[], None]:
    """Fused kernels for steps 1 to 4 of `StepRunner.run_steps`, for all lanes of `view`."""
    step, (rows, vocabulary) = DecodeStep(weights, cache, view, norms), view.rows.seen.shape
    if view.beams == 1:
        draw = DrawBuffers.allocate(rows, vocabulary, weights.device)
        return lambda: draw_next(view, step(), stop_token, draw)
    buffers = BeamBuffers.allocate(rows, view.beams, vocabulary, weights.device)
    return lambda: advance_beams(view, step(), cache, stop_token, buffers)

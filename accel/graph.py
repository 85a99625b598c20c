"""The runner for CUDA: a whole step captured once for each number of lanes, replayed without a word from the host.

Dimensions: L lanes, R rows.
"""

import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch

from .attention import AttentionBackend
from .kernels.beam_search import BeamBuffers, advance_beams
from .kernels.folding import FoldedNorms
from .kernels.sample import draw_next
from .kernels.step import DecodeStep, problem
from .kv_cache import PagedCache
from .state import DecodeState
from .step import TorchRunner
from .weights import DecoderWeights

logger = logging.getLogger(__name__)


class GraphRunner:
    """See `StepRunner`. Prompts and beams' first draws go through plain torch; so does all that cannot be captured."""

    name = "CUDA graphs"

    def __init__(self, weights: DecoderWeights, cache: PagedCache, attention: AttentionBackend) -> None:
        self._weights, self._cache = weights, cache
        self._plain = TorchRunner(weights, cache, attention)
        self._pool = torch.cuda.graph_pool_handle()
        self._graphs: dict[tuple[int, int], _Captured] = {}
        self._refused = problem(weights)
        if self._refused is not None:
            logger.warning("decoding without CUDA graphs: %s", self._refused)

    def prefill(self, prompts: Sequence[torch.Tensor], slots: torch.Tensor) -> torch.Tensor:
        return self._plain.prefill(prompts, slots)

    def start(self, state: DecodeState, logits: torch.Tensor) -> None:
        if self._refused is not None or state.beams > 1:
            self._plain.start(state, logits)
            return
        state.rows.lengths.sub_(1)  # the draw counts the token that has entered, and a prompt's last row is counted
        draw_next(state, logits, self._weights.stop_token)

    def run(self, state: DecodeState, lanes: int, steps: int) -> None:
        captured = self._captured(state, bucket(lanes, state.capacity))
        if captured is None:
            self._plain.run(state, lanes, steps)
            return
        for _ in range(steps):
            captured()

    def warm_up(self, state: DecodeState) -> None:
        """Capture the step of all of the state's lanes; smaller numbers follow as lines leave."""
        captured = self._captured(state, state.capacity)
        if captured is not None:
            captured()
            captured()

    def close(self) -> None:
        """Drop every graph and the memory they share."""
        self._drop(list(self._graphs))

    def _captured(self, state: DecodeState, lanes: int) -> "_Captured | None":
        if self._refused is not None:
            return None
        key = (id(state), lanes)
        if key not in self._graphs:
            self._forget_smaller(state)
            view = state if lanes == state.capacity else state.view(0, lanes)
            self._graphs[key] = _Captured(self._step(view), state, self._pool, self._weights.device)
            logger.debug("capturing the decode step of %d lanes with %d beams", lanes, state.beams)
        return self._graphs[key]

    @cached_property
    def _norms(self) -> FoldedNorms:
        return FoldedNorms.of(self._weights)

    def _forget_smaller(self, state: DecodeState) -> None:
        """Drop the graphs of a state that this one has taken over from."""
        replaced = [k for k, c in self._graphs.items() if c.state is not state and c.state.beams == state.beams]
        self._drop(replaced)

    def _drop(self, keys: Sequence[tuple[int, int]]) -> None:
        """Once none of them runs any more, which a cancelled run does not wait for."""
        if keys and self._weights.device.type == "cuda":
            torch.cuda.synchronize(self._weights.device)
        for key in keys:
            del self._graphs[key]

    def _step(self, view: DecodeState) -> Callable[[], None]:
        cache, stop_token = self._cache, self._weights.stop_token
        step = DecodeStep(self._weights, cache, view, self._norms)
        if view.beams == 1:
            return lambda: draw_next(view, step(), stop_token)
        rows, vocabulary = view.rows.seen.shape
        buffers = BeamBuffers.allocate(rows, view.beams, vocabulary, self._weights.device)
        return lambda: advance_beams(view, step(), cache, stop_token, buffers)


class _Captured:
    """A step that runs as it is the first time, which compiles its kernels, and as a graph from then on.

    Keeps the state it writes alive, so that its address stays its own.
    """

    def __init__(self, step: Callable[[], None], state: DecodeState, pool: Any, device: torch.device) -> None:
        self.state = state
        self._step, self._pool, self._device = step, pool, device
        self._ran = False
        self._replay: Callable[[], None] | None = None

    def __call__(self) -> None:
        if not self._ran:
            self._step()
            self._ran = True
            return
        if self._replay is None:
            self._replay = self._captured()
        self._replay()

    def _captured(self) -> Callable[[], None]:
        try:
            return _capture(self._step, self._pool, self._device).replay
        except RuntimeError as error:
            logger.warning("the decode step cannot be captured (%s); its kernels are launched one by one", error)
            return self._step


def _capture(step: Callable[[], None], pool: Any, device: torch.device) -> torch.cuda.CUDAGraph:
    """Record `step` without running it; nothing but the current thread is disturbed."""
    graph = torch.cuda.CUDAGraph()
    stream, current = torch.cuda.Stream(device), torch.cuda.current_stream(device)
    stream.wait_stream(current)
    with torch.cuda.stream(stream):
        graph.capture_begin(pool=pool, capture_error_mode="thread_local")
        try:
            step()
        finally:
            graph.capture_end()
    current.wait_stream(stream)
    return graph


def bucket(lanes: int, capacity: int) -> int:
    """Lanes that a graph is captured for: the next power of two, at most the state's."""
    return min(1 << (lanes - 1).bit_length(), capacity)

"""The decode step as tuning times it: as the engine captures it, over a context of usual length.

Dimensions: L lines, K beams, R = L * K rows.
"""

from collections.abc import Callable

import torch

from ..runtime.shape_tuner import MOST_REPLAYS, TunedStep, time_captured
from .attention.triton import TritonAttention
from .cache.paged_cache import PagedCache
from .kernels.linear.folded_norm import FoldedNorms
from .request import Request
from .runners.graph_runner import build_step
from .sampling.params import SamplingParams
from .state import DecodeState
from .weights import DecoderWeights

CONTEXT = 320
"""Tokens: a prompt, and half of the ten seconds behind it."""
DRAWS = MOST_REPLAYS + 16
"""More than are made before the state is put back."""
NO_STOP = -1
"""What ends no line while it is timed."""


def decode_steps(weights: DecoderWeights, runs: tuple[tuple[int, int], ...]) -> list[TunedStep]:
    """The steps of `runs`, each so many lines and beams."""
    norms = FoldedNorms.from_weights(weights)

    def make_step(lines: int, beams: int) -> TunedStep:
        small = StepRun(weights, norms, lines, beams, TritonAttention.page_size)

        def prepare() -> Callable[[], float]:
            run = StepRun(weights, norms, lines, beams, CONTEXT)
            return lambda: time_captured(run.build(), weights.device, run.reset)

        name = f"{lines} line{'s' * (lines > 1)}, {beams} beam{'s' * (beams > 1)}"
        return TunedStep(name, lambda: small.build()(), prepare)

    return [make_step(lines, beams) for lines, beams in runs]


class StepRun:
    """Lines in the middle of a run. Of their context, beams share the pages that are full."""

    def __init__(self, weights: DecoderWeights, norms: FoldedNorms, lines: int, beams: int, context: int) -> None:
        page, rows, device = TritonAttention.page_size, lines * beams, weights.device
        shared, own = context // page, 1 + DRAWS // page
        pages = torch.arange(1, 1 + lines * shared + rows * (own + 1), dtype=torch.int32, device=device)
        whole, ends, self._spares = pages.split([lines * shared, rows * own, rows])
        whole = whole.view(lines, shared).repeat_interleave(beams, 0)
        self._tables = torch.cat([whole, ends.view(rows, own)], 1)
        self._weights, self._norms = weights, norms
        self._cache = PagedCache.allocate(
            len(weights.layers), len(pages) + 1, page, weights.heads, weights.head_dim, weights.dtype, device
        )
        self._state = DecodeState.allocate(lines, beams, weights.vocabulary, shared + own, DRAWS, device)
        sampling, prompt = SamplingParams(num_beams=beams), torch.empty(context, 1, device="meta")
        self._requests = [Request(prompt, seed, sampling, DRAWS) for seed in range(lines)]
        self.reset()

    def build(self) -> Callable[[], None]:
        """The step, under the shapes of the context."""
        return build_step(self._weights, self._cache, self._state, self._norms, NO_STOP)

    def reset(self) -> None:
        """Put back what steps have changed."""
        self._state.start_requests(self._requests)
        self._state.rows.block_tables.copy_(self._tables)
        self._state.rows.spares.copy_(self._spares)

"""The latent pass of few lines as captured CUDA graphs: what the device does in 2 ms takes the host 7 to ask for.

Dimensions: B lines, L positions, D width.
"""

import logging
from typing import Any

from torch import Tensor

from ...runtime.cuda_graphs import CapturedGraph, GraphCache
from .model import UnifiedVoice

log = logging.getLogger(__name__)

ROUND_POSITIONS = 128
MOST_POSITIONS = 4096
"""Of all lines together, room counted; with more to do the device is slower than the host."""
MOST_GRAPHS = 6


class LatentGraphs:
    """`model` without a cache, through graphs of round sizes: causal attention never looks behind a line."""

    def __init__(self, model: UnifiedVoice) -> None:
        self._model = model
        self._graphs: GraphCache[tuple[int, int], tuple[CapturedGraph[Tensor], Tensor]]
        self._graphs = GraphCache(MOST_GRAPHS, [model])

    def __call__(self, embeddings: Tensor) -> Tensor:
        """Hidden states [B, L, D] of embeddings [B, L, D]; where graphs gain nothing, the model as it stands."""
        lines, positions = room_for(embeddings)
        if embeddings.device.type != "cuda" or lines * positions > MOST_POSITIONS:
            return self._model(embeddings)
        return self.replay(embeddings)

    def replay(self, embeddings: Tensor) -> Tensor:
        """The same through a graph, captured where there is none of this size."""
        lines, positions, _ = embeddings.shape
        size = room_for(embeddings)
        graph, read = self._graphs.get(size, lambda pool: self._capture(size, embeddings, pool))
        read[:lines, :positions].copy_(embeddings)
        return graph.replay()[:lines, :positions].clone()

    def release(self) -> None:
        """Drop every graph and the memory they share; they come back at the next pass."""
        self._graphs.clear()

    def _capture(self, size: tuple[int, int], embeddings: Tensor, pool: Any) -> tuple[CapturedGraph[Tensor], Tensor]:
        # Zeros: what another line has left here is as good, but it has to be finite.
        read = embeddings.new_zeros(*size, embeddings.shape[2])
        graph = CapturedGraph(lambda: self._model(read), embeddings.device, pool)
        log.debug("captured the latent pass of %d lines of %d positions", *size)
        return graph, read


def room_for(embeddings: Tensor) -> tuple[int, int]:
    """Lines and positions of the graph for embeddings [B, L, D]."""
    lines, positions, _ = embeddings.shape
    return 1 << (lines - 1).bit_length(), -(-positions // ROUND_POSITIONS) * ROUND_POSITIONS

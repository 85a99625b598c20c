"""The latent pass of few lines as captured CUDA graphs: what the device does in 2 ms takes the host 7 to ask for.

Dimensions: B lines, L positions, D width.
"""

import logging
from typing import Any

from torch import Tensor

from ...s2mel.capture import KeptGraphs, capture
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
        self._captured: KeptGraphs[tuple[int, int], tuple[Any, Tensor, Tensor]] = KeptGraphs([model], MOST_GRAPHS)

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
        graph, read, written = self._captured.find(size, lambda pool: self._capture(size, embeddings, pool))
        read[:lines, :positions].copy_(embeddings)
        graph.replay()
        return written[:lines, :positions].clone()

    def release(self) -> None:
        """Drop every graph and the memory they share; they come back at the next pass."""
        self._captured.release()

    def _capture(self, size: tuple[int, int], embeddings: Tensor, pool: Any) -> tuple[Any, Tensor, Tensor]:
        # Zeros: what another line has left here is as good, but it has to be finite.
        read = embeddings.new_zeros(*size, embeddings.shape[2])
        graph, written = capture(lambda: self._model(read), embeddings.device, pool)
        log.debug("captured the latent pass of %d lines of %d positions", *size)
        return graph, read, written


def room_for(embeddings: Tensor) -> tuple[int, int]:
    """Lines and positions of the graph for embeddings [B, L, D]."""
    lines, positions, _ = embeddings.shape
    return 1 << (lines - 1).bit_length(), -(-positions // ROUND_POSITIONS) * ROUND_POSITIONS

"""The latent pass of few lines as captured CUDA graphs: what the device does in 2 ms takes the host 7 to ask for.

Dimensions: B lines, L positions, D width.
"""

import logging
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor

from ...s2mel.capture import capture, whereabouts
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
        self._place = 0
        self._pool: Any = None
        self._captured: OrderedDict[tuple[int, int], tuple[Any, Tensor, Tensor]] = OrderedDict()

    def __call__(self, embeddings: Tensor) -> Tensor:
        """Hidden states [B, L, D] of embeddings [B, L, D]; where graphs gain nothing, the model as it stands."""
        lines, positions = room_for(embeddings)
        if embeddings.device.type != "cuda" or lines * positions > MOST_POSITIONS:
            return self._model(embeddings)
        return self.replay(embeddings)

    def replay(self, embeddings: Tensor) -> Tensor:
        """The same through a graph, captured where there is none of this size."""
        lines, positions, _ = embeddings.shape
        graph, read, written = self._find(room_for(embeddings), embeddings)
        read[:lines, :positions].copy_(embeddings)
        graph.replay()
        return written[:lines, :positions].clone()

    def release(self) -> None:
        """Drop every graph and the memory they share; they come back at the next pass."""
        self._captured.clear()
        self._pool = None

    def _find(self, size: tuple[int, int], embeddings: Tensor) -> tuple[Any, Tensor, Tensor]:
        place = whereabouts(self._model)
        if place != self._place:
            self.release()
            self._place = place
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        if size not in self._captured:
            # Zeros: what another line has left here is as good, but it has to be finite.
            read = embeddings.new_zeros(*size, embeddings.shape[2])
            graph, written = capture(lambda: self._model(read), embeddings.device, self._pool)
            self._captured[size] = graph, read, written
            log.debug("captured the latent pass of %d lines of %d positions", *size)
            if len(self._captured) > MOST_GRAPHS:
                self._captured.popitem(last=False)
        self._captured.move_to_end(size)
        return self._captured[size]


def room_for(embeddings: Tensor) -> tuple[int, int]:
    """Lines and positions of the graph for embeddings [B, L, D]."""
    lines, positions, _ = embeddings.shape
    return 1 << (lines - 1).bit_length(), -(-positions // ROUND_POSITIONS) * ROUND_POSITIONS

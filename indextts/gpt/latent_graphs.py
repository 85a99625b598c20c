"""CUDA graphs of the latent pass of few lines: what the device runs in 2 ms takes the host 7 to launch.

Dimensions: B lines, L positions, D width.
"""

import math

from torch import Tensor

from ...runtime.cuda_graphs import CapturedGraph, GraphCache, GraphPool
from .latent_pass import count_position_bytes
from .model import UnifiedVoice

ROUND_POSITIONS = 128
MAX_POSITIONS = 4096
"""Of all lines together, padding counted; with more to do the device is slower than the host."""
MAX_GRAPHS = 6


class LatentGraphs:
    """`model` without a KV cache through CUDA graphs of padded sizes: causal attention never reads the padding."""

    def __init__(self, model: UnifiedVoice) -> None:
        self._model = model
        self._graphs: GraphCache[tuple[int, int], tuple[CapturedGraph[Tensor], Tensor]]
        position = count_position_bytes(model.config.model_dim, model.mel_head.weight.dtype.itemsize)
        self._graphs = GraphCache("the latent pass", MAX_GRAPHS, [model], lambda size: math.prod(size) * position)

    def __call__(self, embeddings: Tensor) -> Tensor:
        """Hidden states [B, L, D] of embeddings [B, L, D]; where graphs gain nothing, the model as it stands."""
        lines, positions = padded_size(embeddings)
        if embeddings.device.type != "cuda" or lines * positions > MAX_POSITIONS:
            return self._model(embeddings)
        return self.replay(embeddings)

    def replay(self, embeddings: Tensor) -> Tensor:
        """The same through a graph, captured where none of this padded size is cached."""
        lines, positions, _ = embeddings.shape
        size = padded_size(embeddings)
        graph, read = self._graphs.get(size, lambda pool: self._capture(size, embeddings, pool))
        read[:lines, :positions].copy_(embeddings)
        return graph.replay()[:lines, :positions].clone()

    def release(self) -> None:
        """Drop every graph and the memory they share; they come back at the next pass."""
        self._graphs.clear()

    def _capture(
        self, size: tuple[int, int], embeddings: Tensor, pool: GraphPool
    ) -> tuple[CapturedGraph[Tensor], Tensor]:
        # What another line leaves here is as good as zeros, but it has to be finite.
        read = embeddings.new_zeros(*size, embeddings.shape[2])
        return CapturedGraph(lambda: self._model(read), embeddings.device, pool), read


def padded_size(embeddings: Tensor) -> tuple[int, int]:
    """Lines (a power of two) and positions that embeddings [B, L, D] are padded to."""
    lines, positions, _ = embeddings.shape
    return 1 << (lines - 1).bit_length(), -(-positions // ROUND_POSITIONS) * ROUND_POSITIONS

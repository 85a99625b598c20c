"""CUDA graphs of `encode_reference`: 3,000 kernels that take the host three times as long as the device.

Recordings are padded to a round size, so that few graphs serve all lengths. Besides, cuDNN plans each convolution anew
for every length it meets, most of a second for all of them: a round size it has met.
"""

import torch
from torch import Tensor
from torch.nn import functional

from ...runtime.cuda_graphs import CapturedGraph, GraphCache, GraphPool
from .reference_encoders import FRAME_NUMBERS, ReferenceEncoders, ReferenceFeatures, encode_reference

ROUND_FRAMES = 256
"""What frames are padded to a multiple of, 2.56 s: six graphs are all that recordings of at most 15 s need."""


class ReferenceEncoderGraphs:
    """`encode_reference` of `models` through CUDA graphs; eager where their weights are on another device."""

    def __init__(self, models: ReferenceEncoders) -> None:
        self._models = models
        self._graphs: GraphCache[int, _ReferenceEncoderGraph]
        size = next(models.semantic.parameters()).dtype.itemsize
        self._graphs = GraphCache(
            "the reference encoders", modules=models.modules, bytes_of=lambda frames: frames * size * FRAME_NUMBERS
        )

    def __call__(self, energies: Tensor) -> ReferenceFeatures:
        """As `encode_reference`."""
        return self.replay(energies) if energies.device.type == "cuda" else encode_reference(self._models, energies)

    def replay(self, energies: Tensor) -> ReferenceFeatures:
        """The same through a graph, captured where none of this padded size is cached."""
        frames = -(-len(energies) // ROUND_FRAMES) * ROUND_FRAMES
        graph = self._graphs.get(frames, lambda pool: _ReferenceEncoderGraph(self._models, frames, energies, pool))
        return graph(energies)

    def release(self) -> None:
        """Drop every graph and the memory they share; they come back at the next recording."""
        self._graphs.clear()


class _ReferenceEncoderGraph:
    """One graph and the tensors it reads. `energies`: of a recording that it is for."""

    def __init__(self, models: ReferenceEncoders, frames: int, energies: Tensor, pool: GraphPool) -> None:
        self._stride = models.semantic.stride
        self._energies = functional.pad(energies, (0, 0, 0, frames - len(energies)))
        self._padding = torch.arange(frames, device=energies.device) >= len(energies)
        self._graph = CapturedGraph(
            lambda: encode_reference(models, self._energies, self._padding), energies.device, pool
        )

    def __call__(self, energies: Tensor) -> ReferenceFeatures:
        """As `encode_reference`, for energies [F, bands] of at most the graph's frames."""
        frames, tokens = len(energies), -(-len(energies) // self._stride)
        self._energies[:frames].copy_(energies)
        self._padding[:frames].fill_(False)
        self._padding[frames:].fill_(True)
        semantic, quantized, *rest = self._graph.replay()
        # The next recording overwrites what a graph has written.
        return ReferenceFeatures(*(part.clone() for part in (semantic[:, :tokens], quantized[:, :tokens], *rest)))

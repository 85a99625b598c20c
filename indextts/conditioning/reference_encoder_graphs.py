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
    """`encode_reference` of `models` through CUDA graphs; as it stands where their weights are on another device."""

    def __init__(self, models: ReferenceEncoders) -> None:
        self._models = models
        self._graphs: GraphCache[int, _ReferenceEncoderGraph]
        size = next(models.semantic.parameters()).dtype.itemsize
        self._graphs = GraphCache(
            "the reference encoders", modules=models.modules, bytes_of=lambda frames: frames * size * FRAME_NUMBERS
        )

    def __call__(self, energies: Tensor, graphs: bool = True) -> ReferenceFeatures:
        """As `encode_reference`. graphs: replay CUDA graphs where there are any; without them a voice is the same to
        the last bit, on which all that it says depends."""
        if energies.device.type != "cuda":
            return encode_reference(self._models, energies)
        return self.replay(energies) if graphs else _PaddedRecording(self._models, energies).encode()

    def replay(self, energies: Tensor) -> ReferenceFeatures:
        """The same through a graph, captured where none of this padded size is cached."""
        frames = round_up_recording(len(energies))
        graph = self._graphs.get(frames, lambda pool: _ReferenceEncoderGraph(self._models, energies, pool))
        return graph(energies)

    def release(self) -> None:
        """Drop every graph and the memory they share; they come back at the next recording."""
        self._graphs.clear()


def round_up_recording(frames: int) -> int:
    return -(-frames // ROUND_FRAMES) * ROUND_FRAMES


class _PaddedRecording:
    """Energies [F, bands] of a recording with padding behind them, which another may take the place of."""

    def __init__(self, models: ReferenceEncoders, energies: Tensor) -> None:
        frames = round_up_recording(len(energies))
        self._models = models
        self._energies = functional.pad(energies, (0, 0, 0, frames - len(energies)))
        self._padding = torch.arange(frames, device=energies.device) >= len(energies)
        self._frames = len(energies)

    def encode(self) -> ReferenceFeatures:
        return self._cut(self._encode_padded())

    def _encode_padded(self) -> ReferenceFeatures:
        return encode_reference(self._models, self._energies, self._padding)

    def _load(self, energies: Tensor) -> None:
        self._frames = len(energies)
        self._energies[: self._frames].copy_(energies)
        self._padding[: self._frames].fill_(False)
        self._padding[self._frames :].fill_(True)

    def _cut(self, features: ReferenceFeatures) -> ReferenceFeatures:
        """Without what came of the padding."""
        tokens = -(-self._frames // self._models.semantic.stride)
        return features._replace(semantic=features.semantic[:, :tokens], content=features.content[:, :tokens])


class _ReferenceEncoderGraph(_PaddedRecording):
    """One graph and the tensors it reads. `energies`: of a recording that it is for."""

    def __init__(self, models: ReferenceEncoders, energies: Tensor, pool: GraphPool) -> None:
        super().__init__(models, energies)
        self._graph = CapturedGraph(self._encode_padded, energies.device, pool)

    def __call__(self, energies: Tensor) -> ReferenceFeatures:
        """As `encode_reference`, for energies [F, bands] of at most the graph's frames."""
        self._load(energies)
        # The next recording overwrites what a graph has written.
        return ReferenceFeatures(*(part.clone() for part in self._cut(self._graph.replay())))

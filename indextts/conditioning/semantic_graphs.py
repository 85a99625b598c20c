"""w2v-bert as captured CUDA graphs: its 17 layers are a thousand small steps that a host takes longer to ask for than
the device to do.

A recording's tokens get room up to a round number, so that few graphs serve all lengths; `SemanticEncoder.encode` does
not hear what stands there.

T tokens, W semantic width.
"""

import logging
from typing import Any

import torch
from torch import Tensor

from ...s2mel.capture import capture, whereabouts
from .semantic import SemanticEncoder

log = logging.getLogger(__name__)

ROUND_TOKENS = 128
"""2.56 s: six graphs are all that recordings of at most 15 s ever need."""


class SemanticGraphs:
    """Runs `encoder` where its weights are; without a CUDA device, as it stands."""

    def __init__(self, encoder: SemanticEncoder) -> None:
        self._encoder = encoder
        self._place = 0
        self._pool: Any = None
        self._captured: dict[int, _Captured] = {}

    def __call__(self, energies: Tensor) -> Tensor:
        """As `SemanticEncoder.forward`."""
        return self.replay(energies) if self._encoder.device.type == "cuda" else self._encoder(energies)

    def replay(self, energies: Tensor) -> Tensor:
        """The same through a graph, captured where there is none for so many tokens."""
        features, whole = self._encoder.tokens(energies)
        return self._find(-(-features.shape[1] // ROUND_TOKENS) * ROUND_TOKENS)(features, whole)

    def release(self) -> None:
        """Drop every graph and the memory they share; they come back at the next recording."""
        self._captured.clear()
        self._pool = None

    def _find(self, room: int) -> "_Captured":
        place = whereabouts(self._encoder)
        if place != self._place:
            self.release()
            self._place = place
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        if room not in self._captured:
            self._captured[room] = _Captured(self._encoder, room, self._pool)
            log.debug("captured w2v-bert for %d tokens", room)
        return self._captured[room]


class _Captured:
    """One graph, and the tensors it reads and writes."""

    def __init__(self, encoder: SemanticEncoder, room: int, pool: Any) -> None:
        width = encoder.stride * encoder.bands
        self.features = torch.zeros(1, room, width, device=encoder.device)
        self.whole = torch.ones(room, dtype=torch.bool, device=encoder.device)
        self.graph, self.out = capture(lambda: encoder.encode(self.features, self.whole), encoder.device, pool)

    def __call__(self, features: Tensor, whole: Tensor) -> Tensor:
        """Features [1, T, ...] of at most as many tokens as there is room for, to [1, T, W]."""
        tokens = len(whole)
        self.features[:, :tokens].copy_(features)
        self.whole[:tokens].copy_(whole)
        self.whole[tokens:].fill_(False)
        self.graph.replay()
        return self.out[:, :tokens].clone()

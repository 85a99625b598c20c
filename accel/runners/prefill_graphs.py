"""Prefill of one prompt as captured CUDA graphs: what the device does in 1.5 ms takes the host 6 to ask for.

Dimensions: P rows of a prompt, N rows of a graph, D width, V vocabulary.
Graphs have round numbers of rows. Padding stands behind the prompt, where causal attention does not reach, and stores
its keys and values in the scratch page.
"""

from collections.abc import Hashable
from typing import Any

import torch

from ...runtime.cuda_graphs import CaptureOnSecondRun, GraphCache, GraphPool
from ..cache.page_allocator import SCRATCH_PAGE
from ..weights import DecoderWeights
from .torch_runner import TorchRunner

ROUND_ROWS = 32
MOST_ROWS = 512
"""With more to do the device is slower than the host."""


class PrefillGraphs:
    """As `TorchRunner.prefill`, of single prompts. `plain` computes them; `graphs` keeps what is captured."""

    def __init__(
        self, weights: DecoderWeights, plain: TorchRunner, graphs: GraphCache[tuple[Hashable, ...], Any]
    ) -> None:
        self._weights, self._plain, self._graphs = weights, plain, graphs

    def __call__(self, prompt: torch.Tensor, slots: torch.Tensor) -> torch.Tensor:
        """Logits float32 [1, V] of prompt [P, D], whose keys and values go to slots int64 [P]."""
        if prompt.shape[0] > MOST_ROWS:
            return self._plain.prefill([prompt], slots)
        rows = -(-prompt.shape[0] // ROUND_ROWS) * ROUND_ROWS
        buffers: _PrefillBuffers
        buffers, captured = self._graphs.get(("prefill", rows), lambda pool: self._new_graph(rows, pool))
        buffers.load_prompt(prompt, slots)
        captured()
        return buffers.logits.clone()

    def _new_graph(self, rows: int, pool: GraphPool) -> "tuple[_PrefillBuffers, CaptureOnSecondRun]":
        buffers = _PrefillBuffers(rows, self._weights, self._plain)
        device = self._weights.device
        return buffers, CaptureOnSecondRun(buffers.run_prefill, "the prefill", device, pool, allocates=True)


class _PrefillBuffers:
    """What the graph of a prefill of N rows reads and writes."""

    def __init__(self, rows: int, weights: DecoderWeights, plain: TorchRunner) -> None:
        device = weights.device
        self._rows, self._plain = rows, plain
        # Zeros: what another prompt has left behind this one is as good, but it has to be finite.
        self._x = torch.zeros(rows, weights.width, dtype=weights.dtype, device=device)
        self._slots = torch.zeros(rows, dtype=torch.int64, device=device)
        self._end = torch.zeros(1, dtype=torch.int64, device=device)
        self.logits = torch.empty(1, weights.vocabulary, device=device)

    def load_prompt(self, prompt: torch.Tensor, slots: torch.Tensor) -> None:
        count = prompt.shape[0]
        self._x[:count].copy_(prompt)
        self._slots[:count].copy_(slots)
        self._slots[count:].fill_(SCRATCH_PAGE)
        self._end.fill_(count - 1)

    def run_prefill(self) -> None:
        x = self._plain.forward_layers(self._x, self._slots, (self._rows,))
        self.logits.copy_(self._plain.compute_logits(x.index_select(0, self._end)))

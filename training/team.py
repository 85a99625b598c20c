"""Processes that train one stage together, each on its own device and its own share of the speakers.

Weights start equal and stay so: every update is made from the mean of all gradients, at a rate that the first process
says. Only the first one logs and saves.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

Item = TypeVar("Item")

PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True)
class Team:
    """Who of how many. Alone, everything here does nothing."""

    rank: int = 0
    size: int = 1

    @classmethod
    def gathered(cls, rank: int, size: int, meeting: Path) -> "Team":
        """Wait for the others at the file `meeting`, which must not be there before the first one comes."""
        if size > 1:
            # Gloo for what hosts agree on, so that no host waits for a GPU.
            backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
            distributed.init_process_group(backend, f"file://{meeting}", PATIENCE, world_size=size, rank=rank)
        return cls(rank, size)

    def disband(self) -> None:
        """Let go of the others: threads of the exchange that still run when the interpreter ends abort the process."""
        if self.size > 1:
            distributed.destroy_process_group()

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def share_of(self, items: Sequence[Item]) -> Sequence[Item]:
        """Every item is one process's."""
        return items[self.rank :: self.size]

    def align(self, modules: nn.Module) -> None:
        """The first process's weights and buffers for all."""
        if self.size > 1:
            for tensor in (*modules.parameters(), *modules.buffers()):
                if tensor.numel():
                    distributed.broadcast(tensor.data, 0)

    def average(self, gradients: Iterable[Tensor]) -> None:
        """Replace each gradient by its mean over all processes, in one exchange."""
        if self.size > 1:
            gradients = list(gradients)
            flat = torch.cat([gradient.flatten() for gradient in gradients])
            distributed.all_reduce(flat)
            flat /= self.size
            parts = flat.split([gradient.numel() for gradient in gradients])
            torch._foreach_copy_(gradients, [p.view_as(g) for p, g in zip(parts, gradients, strict=True)])

    def agreed(self, value: float) -> float:
        """What the first process says."""
        if self.size == 1:
            return value
        said = torch.tensor([value], dtype=torch.float64)
        distributed.broadcast(said, 0)
        return float(said)


ALONE = Team()

"""Everything in the estimator that depends on the flow's time alone, for all steps at once.

Dimensions: S steps, D width of the transformer, W width of the WaveNet, J its layers, P all of one step's numbers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FREQUENCIES = 128
LONGEST_PERIOD = 10000.0
TIME_SCALE = 1000.0


@dataclass(frozen=True, eq=False)
class StepTable:
    """The numbers of one step, float32: views into one row [P].

    norms: [2 per block + 1, 2, D], scale and shift of every adaptive norm, its own weight multiplied in.
    gates: [J, 2W], the WaveNet's condition plus each convolution's bias. final: [2, W], scale and shift of the head.
    """

    norms: Tensor
    gates: Tensor
    final: Tensor


@dataclass(frozen=True, eq=False)
class StepTables:
    """All steps' numbers in one float32 tensor [S, P], and the shapes to read a row by."""

    rows: Tensor
    shapes: tuple[torch.Size, ...]

    def __getitem__(self, step: int) -> StepTable:
        return self.step_table(self.rows[step])

    def step_table(self, row: Tensor) -> StepTable:
        """Views into `row` [P], which may be another copy of one of the rows."""
        parts = row.split([shape.numel() for shape in self.shapes])
        return StepTable(*(part.view(shape) for part, shape in zip(parts, self.shapes, strict=True)))

    @classmethod
    def stack_tables(cls, *tables: Tensor) -> "StepTables":
        """From tables [S, ...] in the order of `StepTable`'s fields."""
        return cls(torch.cat([table.flatten(1) for table in tables], dim=1), tuple(t.shape[1:] for t in tables))


class TimestepEmbedder(nn.Module):
    """Sinusoids of t, then two linear layers (Peebles and Xie 2023). Computed in float32 whatever the weights are."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(2 * FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, times: Sequence[float]) -> Tensor:
        """S times to float32 [S, width]."""
        device = next(self.parameters()).device
        falling = torch.arange(FREQUENCIES, dtype=torch.float32, device=device) / FREQUENCIES
        frequencies = torch.exp(-math.log(LONGEST_PERIOD) * falling)
        angles = TIME_SCALE * torch.tensor(times, dtype=torch.float32, device=device)[:, None] * frequencies
        hidden = linear_float32(self.mlp[0], torch.cat([angles.cos(), angles.sin()], dim=-1))
        return linear_float32(self.mlp[2], F.silu(hidden))


def linear_float32(layer: nn.Module, x: Tensor) -> Tensor:
    """A linear layer's output in float32, whatever dtype its weights are stored in."""
    assert isinstance(layer, nn.Linear)
    return F.linear(x.float(), layer.weight.float(), layer.bias.float())

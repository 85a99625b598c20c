"""Optimizers of a stage, and the rates that they go by."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

WIDE = 1024
"""Inputs from which a paced layer learns more slowly, in proportion to `USUAL_WIDTH`."""
USUAL_WIDTH = 192
WARM_SHARE = 0.03
LAST_RATE = 0.02
"""Share of a stage's time over which the rate rises, and what is left of it at the end."""


def optimizer(
    parameters: Iterable[nn.Parameter], rate: float, decay: float, betas=(0.9, 0.98), paced: bool = False
) -> torch.optim.AdamW:
    """AdamW that leaves vectors (biases, norms) undecayed. The rate is the schedule's peak.

    paced: layers of many inputs learn more slowly, for their weights' steps add up over all of them.

    Empty tensors (a module without feed-forward layers has such) are left out: on a GPU their norm is whatever lay in
    memory, and one infinity keeps every update from being made.
    """
    trained = [p for p in parameters if p.requires_grad and p.numel()]
    matrices = [p for p in trained if p.dim() > 1]
    groups: list[dict[str, Any]] = [{"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0, "pace": 1.0}]
    paces = {p: _pace(p) if paced else 1.0 for p in matrices}
    for pace in sorted(set(paces.values()), reverse=True):
        groups.append({"params": [p for p in matrices if paces[p] == pace], "weight_decay": decay, "pace": pace})
    made = torch.optim.AdamW([group for group in groups if group["params"]], lr=rate, betas=betas, fused=True)
    set_peak(made, rate)
    return made


def set_peak(made: torch.optim.Optimizer, rate: float) -> None:
    """The schedule's highest rate, of each group at its own pace."""
    for group in made.param_groups:
        group["peak"] = rate * group["pace"]


def set_rates(made: Sequence[torch.optim.Optimizer], share: float) -> None:
    """Of all groups, where `share` of the stage's time is spent."""
    rising = min(1.0, (share + 1e-3) / WARM_SHARE)
    falling = LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * share))
    for each in made:
        for group in each.param_groups:
            group["lr"] = group["peak"] * rising * falling


def _pace(matrix: nn.Parameter) -> float:
    inputs = matrix[0].numel()
    return 1.0 if inputs < WIDE else USUAL_WIDTH / inputs

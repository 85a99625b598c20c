"""The ODE solver: Euler steps under classifier-free guidance (CFG), as a pure function of the model and the noise.

One function evaluation a step: the NFE is the number of steps, each over all branches at once.
Dimensions: M frames of all lines together, C mel bands, R branches of guidance.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from .time_schedule import Times

Velocity = Callable[[Tensor, int], Tensor]
"""x float32 [M, C] at step k to float32 [R, M, C]: the conditional velocity and, under guidance, the unconditional."""


def solve_ode(
    velocity: Velocity,
    noise: Tensor,
    generated: Tensor,
    times: Times,
    guidance: float,
    on_step: Callable[[int], None] | None = None,
) -> Tensor:
    """From noise [M, C] to mel [M, C], float32.

    generated: [M, 1], 1 where a frame is generated and 0 over the prompt, which stays zero. guidance: how far beyond
    the conditional velocity, away from the unconditional one (Ho and Salimans 2022); 0 needs one branch only.
    on_step: called after each step with the number of steps done; whatever it raises ends the run.
    """
    x = noise * generated
    for step, length in enumerate(times.lengths):
        x = x.add(apply_guidance(velocity(x, step), guidance), alpha=length).mul_(generated)
        if on_step is not None:
            on_step(step + 1)
    return x


def apply_guidance(velocities: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance: velocities [R, M, C] of all branches to the one to follow, [M, C]."""
    if len(velocities) == 1:
        return velocities[0]
    conditional, unconditional = velocities
    return torch.lerp(unconditional, conditional, 1.0 + guidance)

"""ODE solvers of the flow, as pure functions: Euler and Adams-Bashforth of second order (AB2), under guidance (CFG).

A `FlowSchedule` says which times they visit. One function evaluation a step: the NFE is the number of steps, each over
all branches of guidance at once. AB2 follows Hairer, Norsett and Wanner (1993), III.5, for steps of varying length.
Dimensions: M frames of all lines together, C mel bands, R branches of guidance, S steps.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

GUIDANCE = 0.7
SOLVERS = {1: "Euler", 2: "AB2"}
"""By their order of convergence."""

Velocity = Callable[[Tensor, int], Tensor]
"""x float32 [M, C] at step k to float32 [R, M, C]: the conditional velocity and, under guidance, the unconditional."""


@dataclass(frozen=True)
class FlowSchedule:
    """How one flow is solved. grid: S + 1 times that rise from 0 to 1. order: of the solver. guidance: how far beyond
    the conditional velocity, away from the unconditional one (Ho and Salimans 2022); 0 needs one branch only.

    Raises ValueError where one of them is none of these.
    """

    grid: tuple[float, ...]
    order: int = 1
    guidance: float = GUIDANCE

    def __post_init__(self) -> None:
        if len(self.grid) < 2:
            raise ValueError(f"got {self.steps} flow steps; expected at least 1 (25 is the usual number)")
        rises = all(a < b for a, b in pairwise(self.grid))
        if self.grid[0] != 0.0 or self.grid[-1] != 1.0 or not rises:
            raise ValueError(f"got flow times {self.grid}; expected times that rise from 0 to 1")
        if self.order not in SOLVERS:
            raise ValueError(f"got a solver of order {self.order}; expected one of {sorted(SOLVERS)}")
        if not math.isfinite(self.guidance):
            raise ValueError(f"got guidance {self.guidance}; expected a number")

    @property
    def steps(self) -> int:
        """S, the number of function evaluations."""
        return len(self.grid) - 1

    @property
    def branches(self) -> int:
        """R: what one function evaluation computes."""
        return 2 if self.guidance else 1

    @property
    def lengths(self) -> tuple[float, ...]:
        """Of the steps, float32."""
        return tuple(self._lengths().tolist())

    @property
    def starts(self) -> tuple[float, ...]:
        """Where the velocity is evaluated: the lengths before, summed up in float32 as the reference does."""
        return (0.0, *self._lengths().cumsum(0).tolist()[:-1])

    @property
    def description(self) -> str:
        """As a user reads it: "12 steps, AB2"."""
        return f"{self.steps} step{'s' * (self.steps != 1)}, {SOLVERS[self.order]}"

    def _lengths(self) -> Tensor:
        return torch.tensor(self.grid, dtype=torch.float32, device="cpu").diff()


def uniform_schedule(steps: int, guidance: float = GUIDANCE) -> FlowSchedule:
    """`steps` equal Euler steps, as the reference solves it. Raises ValueError under 1."""
    grid = torch.linspace(0, 1, max(steps, 0) + 1, dtype=torch.float32, device="cpu")
    return FlowSchedule(tuple(grid.tolist()), 1, guidance)


REFERENCE_STEPS = 25
REFERENCE_SCHEDULE = uniform_schedule(REFERENCE_STEPS)
"""What the reference runs, and the default of everything that has not been calibrated."""


def warped_grid(steps: int, warp: float) -> tuple[float, ...]:
    """Times t + warp (cos(πt/2) - 1 + t) over equal steps of t: from warp -1 to 0 they are denser near 0, where the
    velocity changes fastest (the sway sampling of F5-TTS, Chen et al. 2024)."""
    times = (step / steps for step in range(1, steps))
    return (0.0, *(t + warp * (math.cos(math.pi * t / 2) - 1 + t) for t in times), 1.0)


def solve_ode(
    velocity: Velocity,
    noise: Tensor,
    generated: Tensor,
    schedule: FlowSchedule,
    on_step: Callable[[int], None] | None = None,
) -> Tensor:
    """From noise [M, C] to mel [M, C], float32.

    generated: [M, 1], 1 where a frame is generated and 0 over the prompt, which stays zero. on_step: called after each
    step with the number of steps done; whatever it raises ends the run.
    """
    x = noise * generated
    before: Tensor | None = None  # the velocity of the step before: the one buffer that AB2 takes more than Euler
    for step, weights in enumerate(step_weights(schedule)):
        now = apply_guidance(velocity(x, step), schedule.guidance)
        x = x.add(now, alpha=weights[0])
        if len(weights) > 1:
            assert before is not None, "the first step has no step before it"
            x.add_(before, alpha=weights[1])
        x.mul_(generated)
        if schedule.order > 1:
            before = now.clone() if before is None else before.copy_(now)  # a graph's next replay overwrites `now`
        if on_step is not None:
            on_step(step + 1)
    return x


def step_weights(schedule: FlowSchedule) -> list[tuple[float, ...]]:
    """What each step adds of the velocity there and, in AB2 behind its first step, of that one step before.

    AB2 integrates the line through both velocities; its first step is one of Euler.
    """
    lengths = schedule.lengths
    if schedule.order == 1:
        return [(length,) for length in lengths]
    ratios = [length / (2 * before) for before, length in pairwise(lengths)]
    later = [(length * (1 + r), -length * r) for length, r in zip(lengths[1:], ratios, strict=True)]
    return [(lengths[0],), *later]


def apply_guidance(velocities: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance: velocities [R, M, C] of all branches to the one to follow, [M, C]."""
    if len(velocities) == 1:
        return velocities[0]
    conditional, unconditional = velocities
    return torch.lerp(unconditional, conditional, 1.0 + guidance)

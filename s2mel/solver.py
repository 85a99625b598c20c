"""ODE solvers of the flow, as pure functions: Euler and Adams-Bashforth of second order (AB2), under guidance (CFG).

A `FlowSchedule` says which times they visit. One function evaluation a step: the NFE is the number of steps, each over
all branches of guidance at once. AB2 follows Hairer, Norsett and Wanner (1993), III.5, for steps of varying length. It
may add a share of the term that would make it AB3: the order stays two, the error is a third to a half smaller. The
whole term is worse than none on steps as long as these, where the velocity is too rough for it.
Dimensions: M frames of all lines together, C mel bands, R branches of guidance, S steps.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

GUIDANCE = 0.7
ORDERS = (1, 2)
MOST_STEPS = 1000

Velocity = Callable[[Tensor, int], Tensor]
"""x float32 [M, C] at step k to float32 [R, M, C]: the conditional velocity and, under guidance, the unconditional."""


@dataclass(frozen=True)
class FlowSchedule:
    """How one flow is solved.

    grid: S + 1 times that rise from 0 to 1. order: 1 for Euler, 2 for AB2. third: which share of AB3's last term AB2
    adds. guidance: how far beyond the conditional velocity, away from the unconditional one (Ho and Salimans 2022); 0
    needs one branch only.

    Raises ValueError where one of them is none of these.
    """

    grid: tuple[float, ...]
    order: int = 1
    third: float = 0.0
    guidance: float = GUIDANCE

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MOST_STEPS:
            raise ValueError(f"got {self.steps} flow steps; expected at least 1 (25 is usual) and at most {MOST_STEPS}")
        rises = all(a < b for a, b in pairwise(self.grid))
        if self.grid[0] != 0.0 or self.grid[-1] != 1.0 or not rises:
            raise ValueError(f"got flow times {self.grid}; expected times that rise from 0 to 1")
        if self.order not in ORDERS or not 0 <= self.third <= self.order - 1:
            got = f"got a solver of order {self.order} with {self.third} of the third term"
            raise ValueError(f"{got}; expected order 1 with none of it, or 2 with 0 to 1")
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
        return f"{self.steps} step{'s' * (self.steps != 1)}, {self.solver}"

    @property
    def solver(self) -> str:
        """Its name; AB2/3 where it adds a share of AB3's last term."""
        return "Euler" if self.order == 1 else "AB2/3" if self.third else "AB2"

    def _lengths(self) -> Tensor:
        return torch.tensor(self.grid, dtype=torch.float32, device="cpu").diff()


def uniform_schedule(steps: int, guidance: float = GUIDANCE) -> FlowSchedule:
    """`steps` equal Euler steps, as the reference solves it. Raises ValueError under 1."""
    grid = torch.linspace(0, 1, max(steps, 0) + 1, dtype=torch.float32, device="cpu")
    return FlowSchedule(tuple(grid.tolist()), guidance=guidance)


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
    velocities: list[Tensor] = []  # the last one first; what a solver takes more memory for than Euler
    for step, weights in enumerate(step_weights(schedule)):
        now = apply_guidance(velocity(x, step), schedule.guidance)
        x = x.add(now, alpha=weights[0])
        for before, weight in zip(velocities, weights[1:], strict=False):
            x.add_(before, alpha=weight)
        x.mul_(generated)
        if schedule.order > 1:
            now = now if schedule.guidance else now.clone()  # one branch is a view of what a graph will overwrite
            velocities = [now, *velocities][: 2 if schedule.third else 1]
        if on_step is not None:
            on_step(step + 1)
    return x


def step_weights(schedule: FlowSchedule) -> list[tuple[float, ...]]:
    """What each step adds of the velocity there and, in AB2, of those one and two steps before, where there are any.

    AB2 integrates the line through two velocities, AB3 the parabola through three; Euler begins.
    """
    lengths = schedule.lengths
    if schedule.order == 1:
        return [(length,) for length in lengths]
    second = [_second_order(*last) for last in pairwise(lengths)]
    if not schedule.third:
        return [(lengths[0],), *second]
    added = [_third_term(*last, schedule.third) for last in zip(lengths, lengths[1:], lengths[2:], strict=False)]
    third = [(a + x, b + y, z) for (a, b), (x, y, z) in zip(second[1:], added, strict=True)]
    return [(lengths[0],), *second[:1], *third]


def _second_order(before: float, length: float) -> tuple[float, float]:
    """AB2's weights of a step of `length` behind one of `before`."""
    slope = length * length / (2 * before)
    return length + slope, -slope


def _third_term(earlier: float, before: float, length: float, share: float) -> tuple[float, float, float]:
    """`share` of what AB3 adds to AB2: the second divided difference of the velocities, integrated over the step."""
    curve = share * length**2 * (length / 3 + before / 2) / (before + earlier)
    return curve / before, -curve / before - curve / earlier, curve / earlier


def apply_guidance(velocities: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance: velocities [R, M, C] of all branches to the one to follow, [M, C]."""
    if len(velocities) == 1:
        return velocities[0]
    conditional, unconditional = velocities
    return torch.lerp(unconditional, conditional, 1.0 + guidance)

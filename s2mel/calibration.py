"""How few function evaluations solve the flow as well as the reference's 25 Euler steps do, measured on one checkpoint.

The measure is the distance of the mel from the converged solution of the same ODE: the norm of their difference over
that of the solution, the mean over lines. On the demonstration voice (12 sentences, two speakers) Euler's 25 steps are
1.42 % off, AB2 with 12 and 10 steps 0.91 and 1.47 %, AB2 with a quarter of AB3's last term and 12, 10, 9, 8 and 6 steps
0.53, 0.93, 1.15, 1.39 and 2.30 %. Tried and left: less or more guidance (hardly nearer, for Euler and AB2 alike), a
corrector (PEC: 1.4 times as far with 10 steps), the unconditional branch extrapolated at every other step (twice as far
at equal cost).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .model import FlowLine, S2Mel
from .solver import GUIDANCE, REFERENCE_STEPS, FlowSchedule, uniform_schedule, warped_grid

THIRD = 0.25
WARP = -0.55
WARPS = (WARP, -0.7, -0.4)
"""Tried in this order: the first is best on the demonstration voice, at 8 to 16 steps."""

FAST_STEPS, DRAFT_STEPS = 9, 6
CANDIDATE_STEPS = (FAST_STEPS, 10, 12, 14, 16)
CONVERGED_STEPS = 32
"""Of the same solver: 0.2 % from four times as many where Euler's 25 are 2.2 %."""


def multistep_schedule(steps: int, guidance: float = GUIDANCE, warp: float = WARP) -> FlowSchedule:
    """AB2 with a share of AB3's last term, on a grid that is denser at the start. Raises ValueError under 1 step."""
    return FlowSchedule(warped_grid(steps, warp), 2, THIRD, guidance)


@dataclass(frozen=True)
class MeasuredSchedule:
    """A schedule, and how far it ends from the converged solution: a share of that solution's norm."""

    schedule: FlowSchedule
    distance: float


@dataclass(frozen=True)
class FlowCalibration:
    """Of one checkpoint. auto: the cheapest candidate no farther from the converged solution than the reference, or the
    reference."""

    auto: MeasuredSchedule
    reference: MeasuredSchedule
    fast: MeasuredSchedule
    draft: MeasuredSchedule


def count_most_steps() -> int:
    """Function evaluations of a calibration that tries every candidate."""
    return CONVERGED_STEPS + REFERENCE_STEPS + DRAFT_STEPS + len(WARPS) * sum(CANDIDATE_STEPS)


def calibrate_flow(
    model: S2Mel,
    lines: Sequence[FlowLine],
    guidance: float = GUIDANCE,
    on_step: Callable[[int], None] = lambda done: None,
    graphs: bool = False,
) -> FlowCalibration:
    """Measure reference, draft and candidates on `lines`, the cheapest first, until one is near enough.

    on_step: called after each step with the number done, `count_most_steps` at most; what it raises ends it. graphs:
    see `S2Mel.generate_mels`. Raises FloatingPointError where a mel is not finite.
    """
    done = 0

    def solve(schedule: FlowSchedule) -> list[Tensor]:
        nonlocal done
        mels = model.generate_mels(lines, schedule, lambda step: on_step(done + step), graphs)
        done += schedule.steps
        if not all(bool(mel.isfinite().all()) for mel in mels):
            raise FloatingPointError(f"got mel frames that are not finite after {schedule.description}")
        return mels

    converged = solve(multistep_schedule(CONVERGED_STEPS, guidance))

    def measure(schedule: FlowSchedule) -> MeasuredSchedule:
        return MeasuredSchedule(schedule, mean_distance(solve(schedule), converged))

    reference = measure(uniform_schedule(REFERENCE_STEPS, guidance))
    draft = measure(multistep_schedule(DRAFT_STEPS, guidance))
    fast = measure(multistep_schedule(FAST_STEPS, guidance))
    candidates = (
        fast if (steps, warp) == (FAST_STEPS, WARP) else measure(multistep_schedule(steps, guidance, warp))
        for steps in CANDIDATE_STEPS
        for warp in WARPS
    )
    near = (candidate for candidate in candidates if candidate.distance <= reference.distance)
    return FlowCalibration(next(near, reference), reference, fast, draft)


def mean_distance(mels: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """Of mels from those expected, [80, F] each."""
    shares = [(mel - right).norm() / right.norm() for mel, right in zip(mels, expected, strict=True)]
    return float(torch.stack(shares).mean())

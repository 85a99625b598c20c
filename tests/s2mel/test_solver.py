"""The ODE solvers alone: their order on an ODE with a known solution, their schedules, what they leave as it was."""

import math
from itertools import pairwise

import pytest
import torch
from helpers.s2mel import line, small_model
from hypothesis import given, settings
from hypothesis import strategies as st
from indextts2_multitalk.s2mel.solver import (
    REFERENCE_SCHEDULE,
    FlowSchedule,
    solve_ode,
    step_weights,
    uniform_schedule,
    warped_grid,
)

ALL = torch.ones(1, 1)

SOLVERS = {"Euler": (1, 0.0), "AB2": (2, 0.0), "AB2/3": (2, 0.3)}
EXPECTED_ORDER = {"Euler": 1.0, "AB2": 2.0, "AB2/3": 2.0}

schedules = st.builds(
    lambda steps, warp, solver, guidance: FlowSchedule(warped_grid(steps, warp), *solver, guidance),
    st.integers(1, 40),
    st.floats(-1.0, 0.0),
    st.sampled_from([*SOLVERS.values()]),
    st.sampled_from([0.0, 0.7, 1.5]),
)


def turn(schedule: FlowSchedule) -> float:
    """How far the solver ends from where x' = (cos 3t) x, x(0) = 1 leads, in float64."""

    def velocity(x: torch.Tensor, step: int) -> torch.Tensor:
        return (math.cos(3 * schedule.starts[step]) * x)[None]

    one = torch.ones(1, 1, dtype=torch.float64)
    return abs(solve_ode(velocity, one, ALL, schedule).item() - math.exp(math.sin(3) / 3))


@pytest.mark.parametrize("solver", SOLVERS)
@settings(max_examples=6)
@given(warp=st.floats(-0.8, 0.0))
def test_order_of_convergence(solver, warp):
    """Errors of four step lengths, each half the last; lengths are float32, hence no more of them."""
    errors = [turn(FlowSchedule(warped_grid(steps, warp), *SOLVERS[solver], 0.0)) for steps in (32, 64, 128, 256)]
    slopes = [math.log2(coarse / fine) for coarse, fine in pairwise(errors)]
    assert sum(slopes) / len(slopes) == pytest.approx(EXPECTED_ORDER[solver], abs=0.2), (errors, slopes)


@settings(max_examples=40)
@given(schedules)
def test_a_constant_velocity_is_followed_exactly(schedule):
    """Whatever the grid, a step's weights add up to its length."""
    assert len(step_weights(schedule)) == schedule.steps
    for weights, length in zip(step_weights(schedule), schedule.lengths, strict=True):
        assert sum(weights) == pytest.approx(length, rel=1e-6)
    noise, generated = torch.full((3, 2), 4.0), torch.tensor([[0.0], [1.0], [1.0]])
    velocity = torch.stack([torch.full((3, 2), 2.0), torch.full((3, 2), 1.0)])[: schedule.branches]
    followed = 2.0 + schedule.guidance if schedule.guidance else 2.0
    ended = solve_ode(lambda x, step: velocity, noise, generated, schedule)
    assert torch.equal(ended[0], torch.zeros(2))
    assert torch.allclose(ended[1:], torch.full((2, 2), 4.0 + followed), atol=1e-4)
    assert torch.equal(noise, torch.full((3, 2), 4.0))


@pytest.mark.parametrize(("order", "third", "degree"), [(1, 0.0, 0), (2, 0.0, 1), (2, 1.0, 2)])
@settings(max_examples=20)
@given(steps=st.integers(3, 40), warp=st.floats(-1.0, 0.0))
def test_polynomials_are_integrated_exactly(order, third, degree, steps, warp):
    """Once there are velocities enough: constants by Euler, lines by AB2, parabolas with the whole of AB3's term."""
    schedule = FlowSchedule(warped_grid(steps, warp), order, third)
    ends = [*schedule.starts[1:], schedule.starts[-1] + schedule.lengths[-1]]
    for step in range(degree, steps):
        weights, start = step_weights(schedule)[step], schedule.starts[step]
        for power in range(degree + 1):
            seen = [(time - start) ** power for time in schedule.starts[step::-1]]
            found = sum(weight * value for weight, value in zip(weights, seen, strict=False))
            length = ends[step] - start
            assert found == pytest.approx(length ** (power + 1) / (power + 1), rel=1e-3, abs=1e-7)


@settings(max_examples=40)
@given(schedules)
def test_starts_are_the_lengths_before(schedule):
    assert schedule.starts[0] == 0.0
    assert schedule.starts[-1] + schedule.lengths[-1] == pytest.approx(1.0, abs=1e-5)
    assert all(a < b for a, b in pairwise(schedule.starts))


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_velocity_that_is_overwritten_is_kept(solver):
    """A captured graph's output is the same tensor at every step."""
    schedule, buffer = FlowSchedule(warped_grid(7, -0.5), *SOLVERS[solver], 0.0), torch.empty(1, 2, 3)

    def velocity(x: torch.Tensor, step: int) -> torch.Tensor:
        return torch.cos(x + step)[None]

    noise = torch.randn(2, 3)
    fresh = solve_ode(velocity, noise, ALL, schedule)
    assert torch.equal(solve_ode(lambda x, step: buffer.copy_(velocity(x, step)), noise, ALL, schedule), fresh)


def test_the_reference_is_what_it_always_was():
    """25 steps of Euler, lengths and times as float32 sums give them."""
    grid = torch.linspace(0, 1, 26)
    assert uniform_schedule(25) == REFERENCE_SCHEDULE
    assert REFERENCE_SCHEDULE.lengths == tuple(grid.diff().tolist())
    assert REFERENCE_SCHEDULE.starts == (0.0, *grid.diff().cumsum(0).tolist()[:-1])
    assert REFERENCE_SCHEDULE.description == "25 steps, Euler"
    noise, slope = torch.randn(4, 3), torch.randn(4, 3)
    x = noise
    for length in grid.diff().tolist():
        x = x.add(x * slope, alpha=length)
    assert torch.equal(solve_ode(lambda x, step: (x * slope)[None], noise, ALL, REFERENCE_SCHEDULE), x)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((0.0,),), "at least 1"),
        (((0.0, 0.5, 0.4, 1.0),), "rise from 0 to 1"),
        (((0.0, 0.9),), "rise from 0 to 1"),
        (((0.0, 1.0), 3), "order 3"),
        (((0.0, 1.0), 1, 0.5), "order 1 with 0.5"),
        (((0.0, 1.0), 2, 1.5), "order 2 with 1.5"),
        (((0.0, 1.0), 1, 0.0, math.nan), "guidance nan"),
    ],
)
def test_a_schedule_that_is_none_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        FlowSchedule(*arguments)
    with pytest.raises(ValueError, match="at least 1"):
        uniform_schedule(0)


@torch.inference_mode()
@pytest.mark.parametrize("schedule", [uniform_schedule(5), FlowSchedule(warped_grid(5, -0.5), 2, 0.3)])
def test_cancel_between_steps(schedule):
    class Cancelled(BaseException):
        pass

    seen = []

    def on_step(done: int) -> None:
        seen.append(done)
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        small_model().generate_mels([line("a", 6, 12)], schedule, on_step=on_step)
    assert seen == [1, 2]

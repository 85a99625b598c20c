"""The tuner finds what is fastest of a cost that nobody has to wait for, stops when it is told to or its time is over,
and leaves out what does not run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.runtime import kernel_shapes
from indextts2_multitalk.runtime.card import INTERPRETED
from indextts2_multitalk.runtime.kernel_shapes import KernelFamily, tabulate_shapes
from indextts2_multitalk.runtime.shape_tuner import ShapeTuner, Tuned, TunedStep

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Tile:
    rows: int


class Size(NamedTuple):
    inputs: int


def family(name: str, most: int = 6) -> KernelFamily[Size, Tile]:
    return KernelFamily(name, lambda size, card: Tile(0), lambda size, card: map(Tile, range(most)))


FAMILIES = family("first"), family("second"), family("third")
SIZES = Size(1), Size(2)


class Steps:
    """Steps that ask for every family and size. cost: of one place's shape, seconds. Counts what was timed."""

    def __init__(self, cost: Callable[[str, int, int], float]) -> None:
        self.cost, self.timed = cost, 0

    def __call__(self, name: str, families: tuple[KernelFamily[Size, Tile], ...] = FAMILIES) -> TunedStep:
        def run() -> float:
            return 1 + sum(
                self.cost(each.name, size.inputs, each.choose(size, CPU).rows) for each in families for size in SIZES
            )

        def measure() -> float:
            self.timed += 1
            return run()

        return TunedStep(name, run, lambda: measure)


def tune(*steps: TunedStep, **options: object) -> Tuned:
    return ShapeTuner(INTERPRETED, CPU, **{"seconds": 1e9, **options}).tune_steps(steps)


@given(st.lists(st.integers(0, 10), min_size=36, max_size=36))
def test_it_finds_the_least_of_a_separable_cost(costs):
    order = [each.name for each in FAMILIES]

    def cost(name: str, inputs: int, rows: int) -> float:
        return costs[(order.index(name) * 2 + inputs - 1) * 6 + rows]

    steps = Steps(cost)
    tuned = tune(steps("all"))
    found = 1 + sum(cost(one.name, size.inputs, shape.rows) for (one, size), shape in tuned.shapes.items())
    least = 1 + sum(min(costs[first : first + 6]) for first in range(0, 36, 6))
    assert found == least
    assert (tuned.tried, tuned.failed, tuned.left) == (30, 0, 0)
    assert tuned.seconds["all"][1] == pytest.approx(found)


def test_a_place_of_several_steps_is_tuned_in_the_first():
    steps = Steps(lambda name, inputs, rows: (rows - 3) ** 2)
    tuned = tune(steps("one", FAMILIES[:2]), steps("two", FAMILIES[1:]))
    assert len(tuned.shapes) == 6 and set(tuned.shapes.values()) == {Tile(3)}
    assert tuned.tried == 30
    assert tuned.seconds["two"] == (1 + 2 * 9, 1)  # the family it shares with the first was found there


def test_it_may_begin_anywhere():
    start = {(one, size): Tile(5) for one in FAMILIES for size in SIZES}
    steps = Steps(lambda name, inputs, rows: rows)
    tuned = tune(steps("all"), start=start)
    assert set(tuned.shapes.values()) == {Tile(0)}
    assert tuned.seconds["all"] == (1 + 6 * 5, 1)


def test_a_gain_that_comes_once_is_none():
    values = iter([1.0] + [0.5, 1.0, 1.0] * 1000)
    step = TunedStep("noise", lambda: FAMILIES[0].choose(SIZES[0], CPU), lambda: lambda: next(values))
    assert tune(step).shapes == {(FAMILIES[0], SIZES[0]): Tile(0)}


@pytest.mark.parametrize("error", [RuntimeError("out of resources"), torch.OutOfMemoryError("out of memory")])
@pytest.mark.parametrize("where", ["compiling", "timing"])
def test_a_shape_that_does_not_run_is_left_out(error, where):
    steps = Steps(lambda name, inputs, rows: 10 - rows)

    def fail(run: Callable[[], float]) -> Callable[[], float]:
        def checked() -> float:
            if FAMILIES[0].choose(SIZES[0], CPU) == Tile(5):
                raise error
            return run()

        return checked

    step = steps("all")
    small = fail(step.run_small) if where == "compiling" else step.run_small
    tuned = tune(TunedStep("all", small, lambda: fail(step.prepare())))
    assert tuned.shapes[FAMILIES[0], SIZES[0]] == Tile(4)
    assert tuned.shapes[FAMILIES[1], SIZES[0]] == Tile(5)
    assert tuned.failed == 1


def test_a_step_that_does_not_run_costs_the_others_nothing():
    def refuse() -> None:
        raise torch.OutOfMemoryError("out of memory")

    steps = Steps(lambda name, inputs, rows: 10 - rows)
    tuned = tune(TunedStep("large", refuse, lambda: steps("").prepare()), steps("small"))
    assert set(tuned.seconds) == {"small"} and len(tuned.shapes) == 6


def test_when_time_is_over_it_keeps_what_it_has():
    now = [0.0]
    steps = Steps(lambda name, inputs, rows: (rows - 3) ** 2)

    def take_a_second(share: float, what: str) -> None:
        now[0] += "compiling" not in what

    tuned = tune(steps("all"), steps("more"), seconds=12, on_progress=take_a_second, clock=lambda: now[0])
    assert (tuned.tried, tuned.left) == (12, 18)
    shapes = list(tuned.shapes.values())
    assert shapes[:2] == [Tile(3), Tile(3)]
    assert all(place[0] is not FAMILIES[2] for place in tuned.shapes), "what was never tried is not in the table"
    assert tuned.unreached == ["more"] and set(tuned.seconds) == {"all"}


def test_whoever_listens_can_cancel():
    class Cancelled(BaseException):
        pass

    def cancel(share: float, what: str) -> None:
        if share > 0.7:
            raise Cancelled

    steps = Steps(lambda name, inputs, rows: rows)
    with pytest.raises(Cancelled):
        tune(steps("all"), on_progress=cancel)
    assert steps.timed < 30
    assert kernel_shapes._TRIAL.get() is None


def test_progress_never_falls_and_stays_below_one():
    shares: list[float] = []
    steps = Steps(lambda name, inputs, rows: rows)
    tune(steps("one"), steps("two"), on_progress=lambda share, what: shares.append(share))
    assert shares == sorted(shares) and shares[0] >= 0 and shares[-1] <= 1


def test_found_shapes_become_a_table():
    assert tabulate_shapes({(FAMILIES[0], SIZES[0]): Tile(3)}) == {"first": {"inputs=1": {"rows": 3}}}

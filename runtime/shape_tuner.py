"""Tuning: which kernel shapes are fastest on this card, each tried within the step it is for, since kernels of a step
share caches and multiprocessors and hide each other's launches.

Coordinate descent, step by step: one place (a family and a size) after the other takes each of its candidates, while
all others stay as they are; what is faster by `LEAST_GAIN`, twice, stays. A step's candidates are compiled side by side
before any is timed.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch

from .card import Card
from .cuda_graphs import CapturedGraph, GraphPool
from .kernel_preparation import KernelPreparation, can_prepare_kernels
from .kernel_shapes import Place, try_shapes

log = logging.getLogger(__name__)

LEAST_GAIN = 0.004
"""Part of a step's time below which one measurement says little."""
COMPILING = 0.6
"""Share of a step's tuning that compiling takes, for progress alone."""
ROUNDS, ROUND_SECONDS, MOST_REPLAYS = 5, 0.01, 32

Shapes = dict[Place, Any]
Work = Callable[[], object]
OnProgress = Callable[[float, str], None]
"""Called with the share that is done and what is being done; may raise to cancel."""


class OutOfTime(Exception):
    """Compiling took all that was left of tuning."""


@dataclass(frozen=True, eq=False)
class TunedStep:
    """Work that is done over and over. run_small: once, on little data, from any thread; of a rehearsal only the
    launches count. prepare: returns what times one step at full size, in seconds, under the shapes of the context."""

    name: str
    run_small: Work
    prepare: Callable[[], Callable[[], float]]


@dataclass
class Tuned:
    """shapes: the fastest of every place that was tried. seconds: of each step, before and after. tried, failed, left:
    how many candidates were timed, did not run, or were not tried for want of time; unreached: steps of which none
    was."""

    shapes: Shapes = field(default_factory=dict)
    seconds: dict[str, tuple[float, float]] = field(default_factory=dict)
    tried: int = 0
    failed: int = 0
    left: int = 0
    unreached: list[str] = field(default_factory=list)


class ShapeTuner:
    """One tuning run on the card behind `device`. seconds: after which it ends with what it has found. start: shapes
    to begin with, in place of those that tables and rules say."""

    def __init__(
        self,
        card: Card,
        device: torch.device,
        seconds: float,
        on_progress: OnProgress = lambda share, what: None,
        clock: Callable[[], float] = time.monotonic,
        start: Mapping[Place, Any] | None = None,
    ) -> None:
        self._card, self._device, self._on_progress = card, device, on_progress
        self._clock, self._end = clock, clock() + seconds
        self._start, self._shapes, self._tuned = start or {}, Shapes(), Tuned()

    def tune_steps(self, steps: Sequence[TunedStep]) -> Tuned:
        """Every place that the steps ask for, in the steps' order; a place of several is tuned in the first."""
        told = 0.0
        for number, step in enumerate(steps):

            def tell_share(share: float, what: str, number: int = number, name: str = step.name) -> None:
                nonlocal told
                told = max(told, (number + share) / len(steps))  # more kernels may turn up than were known
                self._on_progress(told, f"{name}: {what}")

            self._tune_step(step, tell_share)
        return self._tuned

    def _tune_step(self, step: TunedStep, tell_share: OnProgress) -> None:
        places: Shapes = {}
        running: dict[Place, list[Any]] = {}

        def rehearse() -> None:
            places.update(self._ask_places(step))
            for family, size in places:
                shapes = family.list_shapes(size, self._card)
                running[family, size] = [shape for shape in shapes if self._can_run(step, (family, size), shape)]

        try:
            self._compile_kernels(rehearse, tell_share)
            measure = self._run_on_device(step.prepare)
        except OutOfTime:
            self._tuned.unreached.append(step.name)
            return
        except Exception as error:
            self._note_failure(step.name, error)
            return
        self._shapes |= {place: shape for place, shape in self._start.items() if shape in running.get(place, ())}
        before, total, begun = self._time(measure, {}), max(1, sum(map(len, running.values()))), self._tuned.tried
        for place, shape in places.items():

            def tell_tried(name: str = place[0].name) -> None:
                tell_share(COMPILING + (1 - COMPILING) * (self._tuned.tried - begun) / total, name)

            self._tune_place(measure, place, self._shapes.get(place, shape), running[place], tell_tried)
        self._tuned.seconds[step.name] = before, self._time(measure, {})

    def _compile_kernels(self, rehearse: Work, tell_share: OnProgress) -> None:
        """Of all that is launched in `rehearse`, side by side where this Triton can; else they are where they are
        launched. Raises `OutOfTime`."""

        def tell_compiled(done: int, total: int) -> None:
            if self._clock() >= self._end:
                raise OutOfTime
            tell_share(COMPILING * done / total, "compiling kernels")

        tell_compiled(0, 1)
        if self._device.type == "cuda" and can_prepare_kernels():
            KernelPreparation(rehearse, self._device).finish(tell_compiled)
        else:
            self._run_on_device(rehearse)

    def _ask_places(self, step: TunedStep) -> Shapes:
        """Every place that a step is the first to ask for, and the shape that it has."""
        with try_shapes({}) as trial:
            step.run_small()
        return {place: shape for place, shape in trial.asked.items() if place not in self._tuned.shapes}

    def _can_run(self, step: TunedStep, place: Place, shape: Any) -> bool:
        """Whether a step can be rehearsed with a shape."""
        try:
            with try_shapes({**self._shapes, place: shape}):
                step.run_small()
        except Exception as error:
            self._note_failure(f"{place[0].name} {shape}", error)
            return False
        return True

    def _run_on_device(self, task: Callable[[], Any]) -> Any:
        with torch.inference_mode(), torch.cuda.device(self._device) if self._device.type == "cuda" else nullcontext():
            return task()

    def _tune_place(
        self, measure: Callable[[], float], place: Place, best: Any, running: Sequence[Any], tell_tried: Work
    ) -> None:
        seconds, left = self._time(measure, {place: best}), [shape for shape in running if shape != best]
        count = len(left)
        while left and self._clock() < self._end:
            candidate = left.pop(0)
            tell_tried()
            self._tuned.tried += 1
            if self._time(measure, {place: candidate}) < (1 - LEAST_GAIN) * seconds:
                again, old = self._time(measure, {place: candidate}), self._time(measure, {place: best})
                if again < (1 - LEAST_GAIN) * old:
                    best, seconds = candidate, again
        self._tuned.left += len(left)
        if len(left) < count or not count:
            self._shapes[place] = self._tuned.shapes[place] = best

    def _time(self, measure: Callable[[], float], shapes: Shapes) -> float:
        """With these shapes beside those found so far; endless where they do not run."""

        def run_trial() -> float:
            with try_shapes({**self._shapes, **shapes}):
                return measure()

        try:
            seconds: float = self._run_on_device(run_trial)
        except Exception as error:
            self._note_failure(str(shapes), error)
            return float("inf")
        return seconds

    def _note_failure(self, what: str, error: Exception) -> None:
        self._tuned.failed += 1
        log.debug("tuning leaves out %s: %s: %s", what, type(error).__name__, error)


def captured_step(
    name: str, device: torch.device, new_work: Callable[[int], Work], small: int, whole: int
) -> TunedStep:
    """A step that changes nothing it reads. new_work: allocates what a step of some size takes; returns the step."""

    def prepare() -> Callable[[], float]:
        work = new_work(whole)
        return lambda: time_captured(work, device, lambda: None)

    return TunedStep(name, lambda: new_work(small)(), prepare)


def time_captured(work: Work, device: torch.device, reset: Work) -> float:
    """Seconds of `work` as a CUDA graph, by the device's own clock: the least of some rounds, before each of which
    `reset` puts back what `work` changes."""
    graph = CapturedGraph(work, device, GraphPool())

    def time_round(replays: int) -> float:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        reset()
        start.record()
        for _ in range(replays):
            graph.replay()
        end.record()
        end.synchronize()
        took: float = start.elapsed_time(end) / replays / 1e3
        return took

    for _ in range(2):
        time_round(1)  # as it is, and captured
    replays = max(1, min(MOST_REPLAYS, int(ROUND_SECONDS / min(time_round(1) for _ in range(2)))))
    return min(time_round(replays) for _ in range(ROUNDS))

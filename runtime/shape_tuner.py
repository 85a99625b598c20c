"""Tuning: which kernel shapes are fastest on this card, each tried within the step it is for, since kernels of a step
share caches and multiprocessors and hide each other's launches.

Coordinate descent: one place (a family and a size) after the other takes each of its candidates, while all others stay
as they are; what is faster by `LEAST_GAIN`, twice, stays. Candidates are compiled side by side, before all timing.
"""

import logging
import os
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import torch

from .card import Card
from .cuda_graphs import CapturedGraph, GraphPool
from .kernel_shapes import Place, try_shapes

log = logging.getLogger(__name__)

LEAST_GAIN = 0.004
"""Part of a step's time below which one measurement says little."""
COMPILING = 0.6
"""Share of the whole that compiling takes, for progress alone."""
ROUNDS, ROUND_SECONDS, MOST_REPLAYS = 5, 0.01, 32

Key = TypeVar("Key", bound=Hashable)
Shapes = dict[Place, Any]
Work = Callable[[], object]
OnProgress = Callable[[float, str], None]
"""Called with the share that is done and what is being done; may raise to cancel."""


@dataclass(frozen=True, eq=False)
class TunedStep:
    """Work that is done over and over. run_small: once, on little data, from any thread: what it launches is compiled.
    prepare: returns what times one step at full size, in seconds, under the shapes of the context."""

    name: str
    run_small: Work
    prepare: Callable[[], Callable[[], float]]


@dataclass
class Tuned:
    """shapes: the fastest of every place that was tried. seconds: of each step, before and after. tried, failed, left:
    how many candidates were timed, did not run, or were not tried for want of time."""

    shapes: Shapes = field(default_factory=dict)
    seconds: dict[str, tuple[float, float]] = field(default_factory=dict)
    tried: int = 0
    failed: int = 0
    left: int = 0


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
        self._start, self._shapes, self._tuned, self._total = start or {}, Shapes(), Tuned(), 1

    def tune_steps(self, steps: Sequence[TunedStep]) -> Tuned:
        """Every place that the steps ask for, in the steps' order; a place of several is tuned in the first."""
        asked = self._run_side_by_side({step: partial(_ask_places, step) for step in steps}, 0.0)
        places: dict[TunedStep, Shapes] = {}
        for step in steps:
            known = {place for own in places.values() for place in own}
            places[step] = {place: shape for place, shape in asked.get(step, {}).items() if place not in known}
        running = self._compile_shapes(places)
        self._total = max(1, sum(map(len, running.values())))
        self._shapes = {place: shape for place, shape in self._start.items() if shape in running.get(place, ())}
        for step in steps:
            if step in asked:
                self._tune_step(step, places[step], running)
        return self._tuned

    def _compile_shapes(self, places: Mapping[TunedStep, Shapes]) -> dict[Place, list[Any]]:
        """Of every place, the shapes that run."""
        trials = {
            (place, shape): partial(_run_with, step, place, shape)
            for step, own in places.items()
            for place in own
            for shape in place[0].list_shapes(place[1], self._card)
        }
        failed = self._tuned.failed
        ran = self._run_side_by_side(trials, COMPILING / 2)
        self._tuned.left += len(trials) - len(ran) - (self._tuned.failed - failed)
        return {
            place: [shape for own, shape in trials if own == place and (place, shape) in ran]
            for own in places.values()
            for place in own
        }

    def _run_side_by_side(self, tasks: Mapping[Key, Callable[[], Any]], begin: float) -> dict[Key, Any]:
        """What the tasks return that end well and in time."""
        results: dict[Key, Any] = {}
        pool = ThreadPoolExecutor(min(16, os.cpu_count() or 1), "compile kernels")
        try:
            running = {pool.submit(self._run_on_device, task): key for key, task in tasks.items()}
            while running and self._clock() < self._end:
                for future in wait(running, 0.2, FIRST_COMPLETED).done:
                    key = running.pop(future)
                    try:
                        results[key] = future.result()
                    except Exception as error:
                        self._note_failure(str(key), error)
                self._on_progress(begin + COMPILING / 2 * (1 - len(running) / len(tasks)), "compiling kernels")
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return results

    def _run_on_device(self, task: Callable[[], Any]) -> Any:
        """Both contexts are a thread's own."""
        with torch.inference_mode(), torch.cuda.device(self._device) if self._device.type == "cuda" else nullcontext():
            return task()

    def _tune_step(self, step: TunedStep, places: Shapes, running: Mapping[Place, Sequence[Any]]) -> None:
        if self._clock() >= self._end:
            self._tuned.left += sum(len(running[place]) - 1 for place in places)
            return
        try:
            measure = self._run_on_device(step.prepare)
        except Exception as error:
            self._note_failure(step.name, error)
            return
        before = self._time(measure, {})
        for place, shape in places.items():
            self._tune_place(step.name, measure, place, self._shapes.get(place, shape), running[place])
        self._tuned.seconds[step.name] = before, self._time(measure, {})

    def _tune_place(
        self, step: str, measure: Callable[[], float], place: Place, best: Any, running: Sequence[Any]
    ) -> None:
        seconds, left = self._time(measure, {place: best}), [shape for shape in running if shape != best]
        count = len(left)
        while left and self._clock() < self._end:
            candidate = left.pop(0)
            share = COMPILING + (1 - COMPILING) * self._tuned.tried / self._total
            self._on_progress(share, f"{step}: {place[0].name}")
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


def _ask_places(step: TunedStep) -> Shapes:
    """Every place that a step asks for, and the shape that it has."""
    with try_shapes({}) as trial:
        step.run_small()
    return trial.asked


def _run_with(step: TunedStep, place: Place, shape: Any) -> None:
    with try_shapes({place: shape}):
        step.run_small()


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

"""What a run tells whoever waits for it, and a run's events as one share and one line of words."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from .records import Line


@dataclass(frozen=True)
class Event:
    """Where a run stands: `done` of `total` in the stage's own unit, for all that this run has of it.

    Codes in "gpt", else lines, segments or files, parts of one included. `line` is the line's index where the event is
    about one, or begins with one; `detail` says of what it is where there is no line.
    """

    stage: str
    done: float
    total: float
    line: int | None = None
    detail: str = ""


OnEvent = Callable[[Event], None]
"""Called between any two decode polls and any two flow steps; what it raises, a BaseException too, ends the run."""


def ignore_event(event: Event) -> None:
    """For callers that do not listen."""


def count_segments(on_event: OnEvent, before: int, total: int) -> OnEvent:
    """For the events of a batch of segments: told as those of all `total`, `before` of which are done."""
    return lambda event: on_event(replace(event, done=before + event.done, total=total))


class StageWords(NamedTuple):
    """words: what a user calls a stage. share: of a run's time, roughly."""

    words: str
    share: float


LOADING, KERNELS, CALIBRATION, VERIFY = "loading", "kernels", "calibration", "verify"

STAGE_WORDS = {
    LOADING: StageWords("loading the model", 0.3),
    KERNELS: StageWords("preparing kernels, once", 0.3),
    CALIBRATION: StageWords("calibrating the flow, once", 0.1),
    "text": StageWords("reading the script", 0.01),
    "conditioning": StageWords("hearing the voices", 0.09),
    "gpt": StageWords("speech codes", 0.55),
    "latents": StageWords("speech codes, once more", 0.02),
    "s2mel": StageWords("flow", 0.25),
    "vocoder": StageWords("waveform", 0.08),
    VERIFY: StageWords("listening to the takes", 0.05),
}
"""Every stage that has events. Loading, kernels, calibration and listening are not in every run and count only where
they are."""


class RunView:
    """A run as one share of 1 that never falls, and in words. Listens to its events in any order.

    lines: those of the run, for who speaks. clock: seconds.
    """

    def __init__(self, lines: Sequence[Line] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._speakers = {line.index: line.speaker for line in lines}
        self._clock = clock
        self._shares = dict.fromkeys(STAGE_WORDS.keys() - {LOADING, KERNELS, CALIBRATION, VERIFY}, 0.0)
        self._last: Event | None = None
        self._first_codes: tuple[float, float] | None = None
        self.share = 0.0

    def follow(self, event: Event) -> None:
        """Take one event in."""
        self._last = event
        if event.total > 0:
            self._shares[event.stage] = min(event.done / event.total, 1.0)
        whole = sum(STAGE_WORDS[stage].share for stage in self._shares)
        done = sum(STAGE_WORDS[stage].share * share for stage, share in self._shares.items())
        self.share = max(self.share, done / whole)
        if event.stage == "gpt" and self._first_codes is None:
            self._first_codes = (event.done, self._clock())

    def describe_last(self) -> str:
        """The last event: stage, how far it is, line and speaker or what else it is about, and speed."""
        if (event := self._last) is None:
            return ""
        words = STAGE_WORDS[event.stage].words
        if event.stage == "gpt":
            return f"{words}: {event.done:.0f} of about {event.total:.0f}{self._describe_speed(event)}"
        parts = [f"{100 * min(event.done / event.total, 1.0):.0f} %"] if event.total > 0 else []
        if event.line is not None:
            speaker = self._speakers.get(event.line)
            parts.append(f"line {event.line + 1}" + (f", {speaker}" if speaker else ""))
        return f"{words}: {', '.join([*parts, *filter(None, [event.detail])])}"

    def _describe_speed(self, event: Event) -> str:
        """Codes a second since the first were told."""
        if self._first_codes is None:
            return ""
        begun, start = self._first_codes
        seconds = self._clock() - start
        return f", {(event.done - begun) / seconds:.0f} a second" if event.done > begun and seconds > 0 else ""

"""What a run tells whoever waits for it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """Where a run stands: `done` of `total` in the stage's own unit (lines, voices, codes, flow steps, segments).

    `line` is the line's index where the event is about one.
    """

    stage: str
    done: float
    total: float
    line: int | None = None


OnEvent = Callable[[Event], None]
"""Called between any two decode polls and any two flow steps; what it raises, a BaseException too, ends the run."""


def ignore_event(event: Event) -> None:
    """For callers that do not listen."""

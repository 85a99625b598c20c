"""Progress of a run on the terminal."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from ..events import Event

STAGES = {"conditioning": "voices", "gpt": "speech codes", "s2mel": "flow", "vocoder": "waveform"}
"""Stages of a run that take long enough to be watched, and what a user calls them."""


def make_console() -> Console:
    """Where progress and reports go; results alone go to standard output."""
    return Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


class RunProgress:
    """A bar per stage; an instance is the pipeline's `on_event`. Where nobody watches, nothing is drawn."""

    def __init__(self, console: Console) -> None:
        bar = (TextColumn("{task.description:>14}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
        self._progress = Progress(*bar, console=console, transient=True, disable=not console.is_terminal)
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, event: Event) -> None:
        if event.stage not in STAGES:
            return
        if event.stage not in self._tasks:
            self._tasks[event.stage] = self._progress.add_task(STAGES[event.stage])
        self._progress.update(self._tasks[event.stage], completed=event.done, total=event.total)

    def __enter__(self) -> "RunProgress":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

"""Progress of a run on the terminal."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from ..events import Event

STAGES = {"conditioning": "voices", "gpt": "speech codes", "s2mel": "flow", "vocoder": "waveform"}
"""Stages of a run that take long enough to be watched, and what a user calls them."""


def make_console() -> Console:
    """Where progress and reports go; results alone go to standard output."""
    return Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


class NamedProgress(Progress):
    """A bar for each name, from when it is first heard of."""

    def show_progress(self, name: str, done: float, total: float) -> None:
        """Move the bar called `name`."""
        known = next((task.id for task in self.tasks if task.description == name), None)
        self.update(self.add_task(name) if known is None else known, completed=done, total=total)


class RunProgress(NamedProgress):
    """A bar per stage; an instance is the pipeline's `on_event`. Where nobody watches, nothing is drawn."""

    def __init__(self, console: Console) -> None:
        bar = (TextColumn("{task.description:>14}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
        super().__init__(*bar, console=console, transient=True, disable=not console.is_terminal)

    def __call__(self, event: Event) -> None:
        if event.stage in STAGES:
            self.show_progress(STAGES[event.stage], event.done, event.total)

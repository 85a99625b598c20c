"""Progress of a run on the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from ..events import Event, RunView
from ..records import Line


def make_console() -> Console:
    """Where progress and reports go; results alone go to standard output."""
    return Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


class NamedProgress(Progress):
    """A bar for each name, from when it is first heard of."""

    def show_progress(self, name: str, done: float, total: float) -> None:
        """Move the bar called `name`."""
        known = next((task.id for task in self.tasks if task.description == name), None)
        self.update(self.add_task(name) if known is None else known, completed=done, total=total)


class RunProgress(Progress):
    """One bar for a run, and words on where it is; an instance is the pipeline's `on_event`.

    Where nobody watches, nothing is drawn.
    """

    def __init__(self, console: Console) -> None:
        columns = (BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TextColumn("{task.description}"))
        super().__init__(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self.add_task("", total=1.0)
        self.start_run()

    def start_run(self, lines: Sequence[Line] = ()) -> None:
        """Begin anew, for a run of `lines`."""
        self._view = RunView(lines)

    def __call__(self, event: Event) -> None:
        self._view.follow(event)
        self.update(self._task, completed=self._view.share, description=self._view.describe_last())

"""The pipeline's events as ComfyUI's progress bar and as words on the node, and ComfyUI's cancel button as an exception
inside the run."""

import time
from collections.abc import Callable, Sequence

import comfy.model_management
import comfy.utils
from comfy_execution.utils import get_executing_context
from server import PromptServer

from ..indextts.events import Event, RunView
from ..indextts.records import Line

TICKS = 1000
SECONDS_BETWEEN_WORDS = 0.25


class Progress:
    """Called with every event. Raises ComfyUI's interrupt between any two of them, which ends the run.

    lines: those of the run. clock: seconds.
    """

    def __init__(self, lines: Sequence[Line] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._view, self._clock = RunView(lines, clock), clock
        self._bar = comfy.utils.ProgressBar(TICKS)
        self._shown = 0
        self._stage, self._told_at = "", 0.0

    def __call__(self, event: Event) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        self._view.follow(event)
        self._move_bar(self._view.share)
        now = self._clock()
        if event.stage != self._stage or now - self._told_at >= SECONDS_BETWEEN_WORDS:
            self._stage, self._told_at = event.stage, now
            show_words(self._view.describe_last())

    def finish_run(self, words: str) -> None:
        """Fill the bar, and leave `words` on the node."""
        self._move_bar(1.0)
        show_words(words)

    def _move_bar(self, share: float) -> None:
        ticks = int(share * TICKS)
        if ticks > self._shown:
            self._shown = ticks
            self._bar.update_absolute(ticks, TICKS)


def show_words(words: str) -> None:
    """Words on the node that runs; where none does, nowhere."""
    context = get_executing_context()
    if context is not None:
        PromptServer.instance.send_progress_text(words, context.node_id)

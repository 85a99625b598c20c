"""The pipeline's events as ComfyUI's progress bar, and ComfyUI's cancel button as an exception inside the run."""

import comfy.model_management
import comfy.utils

from ..indextts.events import Event

TICKS = 1000
SHARES = {"text": 0.01, "conditioning": 0.09, "gpt": 0.6, "latents": 0.02, "s2mel": 0.2, "vocoder": 0.08}
"""How much of a run each stage takes, roughly; all that matters is that the bar moves and never goes back."""


class Progress:
    """Called with every event. Raises ComfyUI's interrupt between any two of them, which ends the run."""

    def __init__(self) -> None:
        self._bar = comfy.utils.ProgressBar(TICKS)
        self._fractions = dict.fromkeys(SHARES, 0.0)
        self._shown = 0

    def __call__(self, event: Event) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        if event.stage in self._fractions and event.total > 0:
            self._fractions[event.stage] = min(event.done / event.total, 1.0)
        self._move_bar(sum(share * self._fractions[stage] for stage, share in SHARES.items()))

    def fill_bar(self) -> None:
        self._move_bar(1.0)

    def _move_bar(self, fraction: float) -> None:
        ticks = int(fraction * TICKS)
        if ticks > self._shown:
            self._shown = ticks
            self._bar.update_absolute(ticks, TICKS)

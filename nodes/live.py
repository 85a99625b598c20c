"""Lines as they are finished, and where they come to stand, for the page: it shows and plays them at once."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import folder_paths
import torch
from comfy_execution.utils import get_executing_context
from server import PromptServer

from ..indextts.audio_file import write_audio
from ..indextts.dialogue.timeline import Timeline
from ..indextts.errors import OutputError
from ..indextts.records import Take

log = logging.getLogger(__name__)

TAKE, TIMELINE = "indextts2.take", "indextts2.timeline"
SUBFOLDER = "indextts2"
PEAKS = 48
"""Bars of a line's waveform."""


class LiveTakes:
    """Tells the page that queued this prompt of the node's takes. Where no page listens it does nothing."""

    def __init__(self) -> None:
        context = get_executing_context()
        self._client = getattr(PromptServer.instance, "client_id", None)
        self._node = None if context is None or self._client is None else context.node_id

    def show_take(self, take: Take, count: int) -> None:
        """One finished line of `count`."""
        if self._node is None:
            return
        self._send(TAKE, {"count": count, **describe_take(take), "audio": keep_preview(self._node, take)})

    def show_timeline(self, takes: Sequence[Take], timeline: Timeline) -> None:
        """All lines with their places."""
        if self._node is None:
            return
        cues = [
            {"line": take.line.index + 1, "start": round(cue.start, 3), "end": round(cue.end, 3)}
            for take, cue in zip(takes, timeline.cues, strict=True)
        ]
        self._send(TIMELINE, {"cues": cues, "seconds": timeline.waveform.shape[-1] / timeline.sample_rate})

    def _send(self, event: str, data: dict[str, Any]) -> None:
        PromptServer.instance.send_sync(event, {"node": self._node, **data}, self._client)


def describe_take(take: Take) -> dict[str, Any]:
    """A take as JSON. The seed is text: it has more digits than a page's numbers."""
    return {
        "line": take.line.index + 1,
        "source_line": take.line.source_line,
        "speaker": take.line.speaker,
        "text": take.line.text,
        "seed": str(take.line.seed),
        "seconds": round(take.seconds, 3),
        "notes": [*take.notes, *take.changes],
        "peaks": measure_peaks(take.waveform),
    }


def measure_peaks(waveform: torch.Tensor) -> list[int]:
    """The loudest of each of `PEAKS` parts of [1, N], 0 to 100 of full scale."""
    parts = torch.nn.functional.adaptive_max_pool1d(waveform.abs(), PEAKS).squeeze(0)
    return [round(100 * min(1.0, float(peak))) for peak in parts]


def keep_preview(node: str, take: Take) -> dict[str, str] | None:
    """A file in ComfyUI's temporary folder, as `/view` names it; None, and a word in the log, where that fails."""
    name = f"{''.join(letter if letter.isalnum() else '_' for letter in str(node))}_{take.line.index + 1}.flac"
    try:
        write_audio(Path(folder_paths.get_temp_directory()) / SUBFOLDER / name, take.waveform, take.sample_rate)
    except OutputError as error:
        log.warning("no preview: %s", error)
        return None
    return {"filename": name, "subfolder": SUBFOLDER, "type": "temp"}

"""Shared by all nodes that speak: script to lines, lines to takes, takes to one recording and its summary."""

import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..indextts.audio_file import check_output, write_audio
from ..indextts.dialogue.subtitle_writer import to_srt
from ..indextts.dialogue.timeline import Timeline
from ..indextts.errors import OutputError
from ..indextts.options import SpeakOptions
from .audio import audio_to
from .emotions import analyze_emotions
from .folders import claimed_output, resolve_output
from .lines import NodeScript, prepare_dialogue
from .live import LiveTakes
from .run import run_lines
from .settings import ModelHandle
from .summary import summarize_run
from .takes import TakeList, stems_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SpokenDialogue:
    """What the nodes hand out."""

    takes: TakeList
    timeline: Timeline
    info: str

    @property
    def audio(self) -> dict[str, Any]:
        """AUDIO of the whole."""
        return audio_to(self.timeline.waveform, self.timeline.sample_rate)

    @cached_property
    def stems(self) -> list[dict[str, Any]]:
        """AUDIO of each speaker, in the order they first speak."""
        return list(stems_of(self.timeline).values())

    @property
    def emotions(self) -> str:
        """The emotion of every line, in words."""
        return analyze_emotions(self.takes.takes)

    @property
    def subtitles(self) -> str:
        return to_srt(self.timeline)


def prepare_output(name: str) -> Path:
    """The file that `output_filename` means. Raises `OutputError` where it could not be written."""
    file = resolve_output(name)
    check_output(file)
    return file


def speak_script(
    script: NodeScript, model: ModelHandle, options: SpeakOptions, verbose: bool = False
) -> SpokenDialogue:
    """Speak a script. `verbose` tells the console what happens."""
    dialogue = prepare_dialogue(script)
    result = run_lines(model, dialogue.lines, options)
    pauses = {name: script.pauses[number] for name, number in dialogue.voices.items() if number in script.pauses}
    takes = TakeList(tuple(result.takes), script.silence_seconds, pauses, script.timing, result.report)
    timeline = takes.assemble()
    LiveTakes().show_timeline(takes.takes, timeline)
    info = summarize_run(dialogue, result, timeline, script.sockets)
    if verbose:
        log.info("%s", info)
    return SpokenDialogue(takes, timeline, info)


def save_dialogue(spoken: SpokenDialogue, file: Path) -> tuple[str, str]:
    """Write the whole to `file`, or under the next free number; the path, and the info with a row that says so.

    Raises `OutputError`; the takes are kept for the next run.
    """
    try:
        with claimed_output(file) as free:
            write_audio(free, spoken.timeline.waveform, spoken.timeline.sample_rate)
    except OutputError as error:
        raise OutputError(f"{error}. The takes are kept: mend this or choose another name, and queue again") from error
    return str(free), f"{spoken.info}\nwritten to {free}"

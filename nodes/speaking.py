"""Shared by both dialogue nodes: script to lines, lines to takes, takes to one recording and its summary."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..indextts.audio_file import check_output, write_audio
from ..indextts.dialogue.timeline import assemble_timeline, to_srt
from ..indextts.options import SpeakOptions
from .audio import audio_to
from .emotions import analyze_emotions
from .folders import resolve_output
from .lines import NodeScript, prepare_dialogue
from .run import run_lines
from .settings import ModelHandle
from .summary import summarize_run

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SpokenDialogue:
    """What the nodes hand out. `audio`: AUDIO. `emotions`: the emotion of every line, in words. `subtitles`: SRT."""

    audio: dict[str, Any]
    file: Path
    info: str
    emotions: str
    subtitles: str


def prepare_output(name: str) -> Path:
    """The file that `output_filename` means. Raises `OutputError` where it could not be written."""
    file = resolve_output(name)
    check_output(file)
    return file


def speak_script(
    script: NodeScript, model: ModelHandle, options: SpeakOptions, file: Path, verbose: bool
) -> SpokenDialogue:
    """Speak a script and write it to `file`. `verbose` tells the console what happens."""
    dialogue = prepare_dialogue(script)
    result = run_lines(model, dialogue.lines, options)
    pauses = {name: script.pauses[number] for name, number in dialogue.voices.items() if number in script.pauses}
    timeline = assemble_timeline(result.takes, script.silence_seconds, pauses, script.timing)
    write_audio(file, timeline.waveform, timeline.sample_rate)
    info = summarize_run(dialogue, result, timeline, file, script.sockets)
    if verbose:
        log.info("%s", info)
    audio, emotions = audio_to(timeline.waveform, timeline.sample_rate), analyze_emotions(result.takes)
    return SpokenDialogue(audio, file, info, emotions, to_srt(timeline))

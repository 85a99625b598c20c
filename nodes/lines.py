"""A node's script and recordings as lines that are ready to be spoken."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..indextts.dialogue.casting import cast
from ..indextts.records import Emotion, Line, Voice
from ..indextts.seeds import seed_lines
from .audio import audio_from
from .speakers import read_script


@dataclass(frozen=True)
class Script:
    """What is to be said. `recordings` holds AUDIO (or None) by voice number, from 1; `inputs` names their sockets.

    `emotion` gives a line of a voice its emotion, or None for the speaker's own. `names`: see `read_script`.
    """

    text: str
    recordings: Mapping[int, Any]
    inputs: str
    emotion: Callable[[Line, int], Emotion | None]
    names: Mapping[int, str]
    boost: bool = False
    speed: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Cast:
    """Lines with voice, emotion, speed and seed; `voices` is the voice number of every name in the script."""

    lines: list[Line]
    voices: dict[str, int]


def prepare(script: Script) -> Cast:
    """Parse, cast and seed. Raises `ScriptError` and `AudioError` that name the line or the input at fault."""
    lines, voices = read_script(script.text, len(script.recordings), script.names)
    lines = cast(lines, {name: _voice(script, name, number) for name, number in voices.items()})
    delivered = [
        replace(line, emotion=script.emotion(line, voices[line.speaker]), speed=line.speed * script.speed)
        for line in lines
    ]
    return Cast(seed_lines(delivered, script.seed), voices)


def _voice(script: Script, name: str, number: int) -> Voice:
    socket = script.inputs.format(number)
    return Voice(name, audio_from(script.recordings[number], socket), boost=script.boost)

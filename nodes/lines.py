"""A node's script and recordings as lines that are ready to be spoken."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..indextts.dialogue.casting import Dialogue, parse_dialogue
from ..indextts.dialogue.timeline import fit_lines
from ..indextts.records import Emotion, Line, Voice
from ..indextts.seeds import seed_lines
from .audio import audio_from

MOST_SPEAKERS = 4


@dataclass(frozen=True)
class NodeScript:
    """What is to be said. `recordings` holds AUDIO (or None) by voice number, from 1; `sockets` names their inputs.

    `emotion` gives a line of a voice its emotion, or None for the speaker's own. `names` are names that an emotion
    config ties to a voice, `pauses` seconds after a voice's lines where they are not `silence_seconds`.
    `timing`: one of `TIMINGS`, for subtitles. `skip_sound_cues`: see `parse_script`.
    """

    text: str
    recordings: Mapping[int, Any]
    sockets: str
    emotion: Callable[[Line, int], Emotion | None]
    names: Mapping[int, str] = field(default_factory=dict)
    pauses: Mapping[int, float] = field(default_factory=dict)
    silence_seconds: float = 0.5
    boost: bool = False
    timing: str = "fit"
    skip_sound_cues: bool = False
    speed: float = 1.0
    seed: int = 0


def prepare_dialogue(script: NodeScript) -> Dialogue:
    """Lines with voice, emotion, speed and seed.

    Raises `ScriptError` and `AudioError` that name the line or the input at fault.
    """
    count = len(script.recordings)
    dialogue = parse_dialogue(script.text, count, script.names, _more_voices(count), script.skip_sound_cues)
    voices = {
        name: Voice(name, audio_from(script.recordings[number], script.sockets.format(number)), script.boost)
        for name, number in dialogue.voices.items()
    }
    lines = [
        replace(
            line,
            voice=voices[line.speaker],
            emotion=script.emotion(line, dialogue.voices[line.speaker]),
            speed=line.speed * script.speed,
        )
        for line in dialogue.lines
    ]
    return replace(dialogue, lines=fit_lines(seed_lines(lines, script.seed), script.timing))


def collect_numbered(inputs: Mapping[str, Any], name: str, count: int, default: Any = None) -> dict[int, Any]:
    """The values of inputs such as `speaker{}_audio`, by voice number from 1; `default` where nothing is given."""
    return {number: inputs.get(name.format(number), default) for number in range(1, count + 1)}


def _more_voices(count: int) -> str:
    if count == MOST_SPEAKERS:
        return f"num_speakers is {count}, the most there are: split the script"
    return f"num_speakers is {count}: raise it and connect another voice"

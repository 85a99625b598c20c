"""A node's script and recordings as lines that are ready to be spoken."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..indextts.dialogue.casting import Dialogue, parse_dialogue
from ..indextts.dialogue.delivery import FASTEST, SLOWEST
from ..indextts.dialogue.script import parse_script
from ..indextts.dialogue.timeline import check_length, fit_lines
from ..indextts.errors import ScriptError
from ..indextts.records import LONGEST_SECONDS, LONGEST_SILENCE, Emotion, Line, Voice
from ..indextts.seeds import seed_lines
from .audio import audio_from
from .run_inputs import read_line_seeds

MOST_SPEAKERS = 4


@dataclass(frozen=True)
class NodeScript:
    """What is to be said. `recordings` holds AUDIO (or None) by voice number, from 1; `sockets` names their inputs.

    `emotion` gives a line of a voice its emotion, or None for the speaker's own. `names` are names that an emotion
    config ties to a voice, `pauses` seconds after a voice's lines where they are not `silence_seconds`.
    `boosted`: voices whose recordings are trimmed and brought to one level. `timing`: one of `TIMINGS`, for subtitles.
    `skip_sound_cues`: see `parse_script`. `remedy`: what to do where the script has more speakers than voices.
    `line_seeds`: see `read_line_seeds`. `alone`: the first voice reads it all; a name before a colon is text.
    `seconds`: how long the speech is to be, pauses apart; None leaves that to the voices.
    """

    text: str
    recordings: Mapping[int, Any]
    sockets: str
    emotion: Callable[[Line, int], Emotion | None]
    names: Mapping[int, str] = field(default_factory=dict)
    pauses: Mapping[int, float] = field(default_factory=dict)
    silence_seconds: float = 0.5
    boosted: Collection[int] = ()
    timing: str = "fit"
    skip_sound_cues: bool = False
    speed: float = 1.0
    seed: int = 0
    remedy: str = ""
    alone: bool = False
    line_seeds: str = ""
    seconds: float | None = None

    def __post_init__(self) -> None:
        numbers = {
            "speed": (self.speed, SLOWEST, FASTEST),
            "silence_duration": (self.silence_seconds, 0, LONGEST_SILENCE),
        }
        numbers |= {f"speaker{number}_pause": (pause, 0, LONGEST_SILENCE) for number, pause in self.pauses.items()}
        if self.seconds is not None:
            numbers["target_duration"] = (self.seconds, 0, LONGEST_SECONDS)
        for name, (value, least, most) in numbers.items():
            if not least <= value <= most:
                raise ScriptError(f"{name}: got {value}, expected {least:g} to {most:g}")


def prepare_dialogue(script: NodeScript) -> Dialogue:
    """Lines with voice, emotion, speed and seed.

    Raises `ScriptError` and `AudioError` that name the line or the input at fault.
    """
    dialogue = _cast_monologue(script) if script.alone else _cast_dialogue(script)
    voices = {
        name: Voice(
            name, audio_from(script.recordings[number], script.sockets.format(number)), number in script.boosted
        )
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
    check_length(lines, script.silence_seconds)
    timed = fit_lines(_seed_lines(lines, script), script.timing)
    return replace(dialogue, lines=timed if script.seconds is None else share_seconds(timed, script.seconds))


def _cast_dialogue(script: NodeScript) -> Dialogue:
    count = len(script.recordings)
    remedy = script.remedy or _more_voices(count)
    return parse_dialogue(script.text, count, script.names, remedy, script.skip_sound_cues)


def _cast_monologue(script: NodeScript) -> Dialogue:
    name = "Speaker1"
    try:
        return Dialogue(parse_script(script.text, [name], script.skip_sound_cues), {name: 1})
    except ScriptError as error:
        raise ScriptError(f"{error}. {script.remedy}") from error


def _seed_lines(lines: Sequence[Line], script: NodeScript) -> list[Line]:
    """Each line's own seed, or that of `line_seeds`. Raises `ScriptError` for a line that is not there."""
    given = read_line_seeds(script.line_seeds)
    beyond = [number for number in given if not 1 <= number <= len(lines)]
    if beyond:
        raise ScriptError(f"line_seeds: got line {beyond[0]}, but the script has {len(lines)} lines; take it out")
    seeded = seed_lines(lines, script.seed)
    return [replace(line, seed=given.get(line.index + 1, line.seed)) for line in seeded]


def share_seconds(lines: Sequence[Line], seconds: float) -> list[Line]:
    """`lines` that wish to last `seconds` together, each by the length of its text."""
    letters = sum(len(line.text) for line in lines)
    return [replace(line, wished_seconds=seconds * len(line.text) / letters) for line in lines]


def collect_numbered(inputs: Mapping[str, Any], name: str, count: int, default: Any = None) -> dict[int, Any]:
    """The values of inputs such as `speaker{}_audio`, by voice number from 1; `default` where nothing is given."""
    return {number: inputs.get(name.format(number), default) for number in range(1, count + 1)}


def _more_voices(count: int) -> str:
    if count == MOST_SPEAKERS:
        return f"num_speakers is {count}, the most there are: split the script"
    return f"num_speakers is {count}: raise it and connect another voice"

"""Who lends a line its voice."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..errors import ScriptError
from ..records import Line, Voice
from .speakers import Speakers


def cast(lines: Sequence[Line], voices: Mapping[str, Voice]) -> list[Line]:
    """`lines` with their voices, speakers named as in `voices`. Raises `ScriptError` for a speaker without a voice."""
    speakers = Speakers(voices)
    return [_with_voice(line, voices, speakers) for line in lines]


def _with_voice(line: Line, voices: Mapping[str, Voice], speakers: Speakers) -> Line:
    name = speakers.find(line.speaker)
    if name is None:
        raise ScriptError(
            f"no voice for speaker {line.speaker!r}; there are voices for {speakers.known()}. "
            "Give that speaker a voice, or write the name of one that has it",
            line.source_line,
        )
    return replace(line, speaker=name, voice=voices[name])

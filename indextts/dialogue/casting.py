"""Which of a few numbered voices speaks for whom."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ..errors import ScriptError
from ..records import Line
from .script import ScriptParser
from .speakers import Speakers, fold_name, speaker_number


@dataclass(frozen=True)
class Dialogue:
    """A parsed script. `voices`: the voice number, from 1, of every speaker's name as `Line.speaker` spells it."""

    lines: list[Line]
    voices: dict[str, int]


def parse_dialogue(
    text: str, count: int, names: Mapping[int, str], remedy: str, skip_sound_cues: bool = False
) -> Dialogue:
    """The lines of a script that has `count` voices, and which of them speaks for whom.

    `Speaker2` is voice 2. `names` are names tied to a voice; the other names take the voices that are left, in the
    order they first speak. Text above the first name is read by the first voice, which it shares where there are names
    for all. `skip_sound_cues`: see `parse_script`.
    Raises `ScriptError`, with line and column, for a name beyond `count` voices; `remedy` ends that message.
    """
    names = {voice: name for voice, name in names.items() if name and speaker_number(name) is None}
    first = names.get(1, "Speaker1")
    parser = ScriptParser(
        Speakers(None, names.values()), first, lone_voice=first if count == 1 else None, skip_sound_cues=skip_sound_cues
    )
    lines = parser.parse_lines(text)
    spellings = _first_spellings(line.speaker for line in lines)
    voices = _number_voices(spellings.values(), count, names)
    left_over = [name for name in spellings.values() if name not in voices]
    if left_over and first in spellings.values() and first not in parser.labels:
        named = _number_voices([name for name in spellings.values() if name != first], count, names)
        voices = {first: 1} | named
        left_over = [name for name in spellings.values() if name not in voices]
    if left_over:
        unspoken = [f"Speaker{voice}" for voice in range(1, count + 1) if voice not in voices.values()]
        error = parser.labels[left_over[0]].unknown_speaker(", ".join([*voices, *unspoken]))
        raise ScriptError(f"{error}. {remedy}")
    return Dialogue([replace(line, speaker=spellings[fold_name(line.speaker)]) for line in lines], voices)


def _first_spellings(speakers: Iterable[str]) -> dict[str, str]:
    spellings: dict[str, str] = {}
    for name in speakers:
        spellings.setdefault(fold_name(name), name)
    return spellings


def _number_voices(speakers: Iterable[str], count: int, names: Mapping[int, str]) -> dict[str, int]:
    """Voice numbers by name; a name that no voice is left for is missing."""
    owners = {fold_name(name): voice for voice, name in names.items()}
    wanted = {name: speaker_number(name) or owners.get(fold_name(name)) for name in speakers}
    free = [voice for voice in range(1, count + 1) if voice not in wanted.values()]
    for name in [name for name, voice in wanted.items() if voice is None]:
        wanted[name] = free.pop(0) if free else None
    return {name: voice for name, voice in wanted.items() if voice is not None and voice <= count}

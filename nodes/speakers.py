"""Who in the script is which of the node's voices."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from ..indextts.dialogue.script import parse_script
from ..indextts.dialogue.speakers import speaker_number
from ..indextts.errors import ScriptError
from ..indextts.records import Line

MOST_SPEAKERS = 4


def read_script(text: str, count: int, named: Mapping[int, str]) -> tuple[list[Line], dict[str, int]]:
    """The script's lines, and the voice, from 1 to `count`, of every name in it.

    `Speaker2` is voice 2. `named` are names that an emotion config gives to a voice; the other names take the voices
    that are left, in the order they first speak. With one voice, text without names is read by it.
    Raises `ScriptError`, with line and column, for a name beyond `count` voices.
    """
    named = {voice: name for voice, name in named.items() if name and speaker_number(name) is None}
    lines = _parse(text, count, named)
    voices, left_over = _assign([line.speaker for line in lines], count, named)
    if left_over:
        _refuse(text, [*voices, *_unspoken(count, voices)], count, left_over)
    return lines, voices


def _parse(text: str, count: int, named: Mapping[int, str]) -> list[Line]:
    if count == 1:
        with suppress(ScriptError):
            return parse_script(text, [named.get(1, "Speaker1")])
    return parse_script(text)


def _assign(speakers: Iterable[str], count: int, named: Mapping[int, str]) -> tuple[dict[str, int], list[str]]:
    """Voices by name, names compared whatever their case; and the names that no voice is left for."""
    owners = {name.casefold(): voice for voice, name in named.items()}
    first_spelling: dict[str, str] = {}
    for name in speakers:
        first_spelling.setdefault(name.casefold(), name)
    names = list(first_spelling.values())
    wanted = {name: speaker_number(name) or owners.get(name.casefold()) for name in names}
    free = [voice for voice in range(1, count + 1) if voice not in wanted.values()]
    for name in [name for name, voice in wanted.items() if voice is None]:
        wanted[name] = free.pop(0) if free else None
    voices = {name: voice for name, voice in wanted.items() if voice is not None and voice <= count}
    return voices, [name for name in names if name not in voices]


def _unspoken(count: int, voices: Mapping[str, int]) -> list[str]:
    return [f"Speaker{voice}" for voice in range(1, count + 1) if voice not in voices.values()]


def _refuse(text: str, known: Sequence[str], count: int, left_over: Sequence[str]) -> None:
    """Have the parser name the place of the first speaker that is one too many, and say what to do in the node."""
    remedy = f"num_speakers is {count}: raise it and connect another voice"
    if count == MOST_SPEAKERS:
        remedy = f"num_speakers is {count}, the most there are: split the script"
    try:
        parse_script(text, known)
    except ScriptError as error:
        raise ScriptError(f"{error}. {remedy}") from error
    raise ScriptError(f"there is no voice for {', '.join(left_over)}. {remedy}")

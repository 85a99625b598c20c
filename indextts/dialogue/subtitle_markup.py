"""What subtitles write for the eye: italics, colors, positions, voices. None of it is read aloud."""

import html
import re
from collections.abc import Iterator

from .rows import Row

_OVERRIDE = re.compile(r"\{(?:\\|[A-Za-z]:)[^{}]*\}")
_BREAK = re.compile(r"\\N|\\n|<br\s?/?>", re.IGNORECASE)
_VOICE = re.compile(r"<v(?:\.[^<>\s]*)?\s([^<>]*)>", re.IGNORECASE)
_FORMATTING = re.compile(
    r"</?(?:i|b|u|s|em|strong|font|c|v|lang|ruby|rt|span|p|div|small|big|sub|sup|tt|center)(?:[.\s][^<>]*)?/?>"
    r"|<\d[\d:.,]*>",
    re.IGNORECASE,
)
_TURN = re.compile(r"\s{0,40}(?:-(?!\.?\d)|[\u2010-\u2015])\s{0,40}(?=\S)")
"""The dash that begins a turn; a dash before a number is a minus or begins a pause."""


def clean_markup(row: Row) -> Iterator[Row]:
    """A cue's row as rows of plain text, one for each voice that it names."""
    text = _BREAK.sub(" ", _OVERRIDE.sub("", row.text)).replace("\\h", " ")
    pieces = _VOICE.split(text)
    for speaker, piece in zip([row.speaker, *pieces[1::2]], pieces[::2], strict=True):
        plain = html.unescape(_FORMATTING.sub("", piece))
        plain = _TURN.sub("", plain, count=1) if _TURN.match(plain) else plain
        if plain.strip():
            yield Row(plain.strip(), row.number, html.unescape(speaker).strip())

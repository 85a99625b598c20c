"""Rows of a script, cleaned of what no editor shows, and cues of subtitles: rows with a time."""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass

from .literal_marks import hide_marks, hide_readings

_BREAK = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_SURROGATES = re.compile("[\ud800-\udfff]+")
_CONTROLS = "".join(map(chr, (*range(9), *range(0xE, 0x1C), 0x1F, *range(0x7F, 0x85), *range(0x86, 0xA0))))
UNSEEN = "\u200b\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_LOOKALIKES = str.maketrans("［］＜＞﹕︰∶" + _CONTROLS, "[]<>：：:" + " " * len(_CONTROLS), UNSEEN)
"""Brackets and colons as the others have them, and what nobody sees: joiners, marks of direction, control codes."""


@dataclass(frozen=True)
class Row:
    """One row. `number`: its line in the file, from 1. `speaker`: whom the file's format names, outside the text.

    attributes: what the format says of the delivery, as in `[Bob|seed:42]`. is_text: no name stands in the text.
    """

    text: str
    number: int
    speaker: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    is_text: bool = False


@dataclass(frozen=True)
class SubtitleCue:
    """What a subtitle shows at once. Seconds; `end` None where the file does not say, or says nonsense."""

    start: float
    end: float | None
    rows: tuple[Row, ...]


def clean_text(text: str) -> str:
    """`text` as it would stand in one row: without line ends, what nobody sees, and halves of characters."""
    return _BREAK.sub(" ", _SURROGATES.sub("", hide_marks(text).translate(_LOOKALIKES))).strip()


def clean_name(name: str) -> str:
    """The same for a speaker's name, single spaces in it."""
    return " ".join(clean_text(name).split())


def split_rows(script: str) -> tuple[list[Row], list[str]]:
    """Every row of a script, and notes on what was cleaned. Full-width brackets become the ASCII ones."""
    notes = []
    if _SURROGATES.search(script):
        script = _SURROGATES.sub("", script)
        notes.append("left out halves of characters that a program cut in two (surrogates)")
    texts = _BREAK.split(hide_readings(hide_marks(script).translate(_LOOKALIKES)))
    return [Row(text, number) for number, text in enumerate(texts, start=1)], notes


def spoken_rows(rows: list[Row], headings: Container[int]) -> Iterator[Row]:
    """Rows of a plain script that are neither blank nor a `#` comment. headings: numbers of rows that are none."""
    return (
        row for row in rows if row.text.strip() and (not row.text.lstrip().startswith("#") or row.number in headings)
    )

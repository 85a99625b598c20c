"""Rows of a script, cleaned of what no editor shows, and cues of subtitles: rows with a time."""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass

_BREAK = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")
_SURROGATES = re.compile("[\ud800-\udfff]+")
_LOOKALIKES = str.maketrans("［］＜＞﹕︰∶", "[]<>：：:", "\u200b\u2060\ufeff")
"""Brackets and colons as the others have them, and what nobody sees."""


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


def split_rows(script: str) -> tuple[list[Row], list[str]]:
    """Every row of a script, and notes on what was cleaned. Full-width brackets become the ASCII ones."""
    notes = []
    if _SURROGATES.search(script):
        script = _SURROGATES.sub("", script)
        notes.append("left out halves of characters that a program cut in two (surrogates)")
    texts = _BREAK.split(script.translate(_LOOKALIKES))
    return [Row(text, number) for number, text in enumerate(texts, start=1)], notes


def spoken_rows(rows: list[Row], headings: Container[int]) -> Iterator[Row]:
    """Rows of a plain script that are neither blank nor a `#` comment. headings: numbers of rows that are none."""
    return (
        row for row in rows if row.text.strip() and (not row.text.lstrip().startswith("#") or row.number in headings)
    )

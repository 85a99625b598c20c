"""Rows of a script: as they stand, or out of SRT subtitles with the times they start at."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import srt

from ..errors import ScriptError

_TIMESTAMP = re.compile(r"^\d{1,2}:\d{2}:\d{2}[,.]\d{1,3}\s*-->", re.MULTILINE)
_FORMATTING = re.compile(r"</?(?:i|b|u|s|font)\b[^<>]*>|\{\\[^{}]*\}", re.IGNORECASE)

_EXPECTED = "expected blocks of a number, times such as 00:00:01,000 --> 00:00:03,500, text and an empty line"


@dataclass(frozen=True)
class Row:
    """One row of a script. `number`: its line in the file, from 1. `start_seconds`: where its subtitle starts."""

    text: str
    number: int
    start_seconds: float | None = None


def is_srt(script: str) -> bool:
    return _TIMESTAMP.search(script) is not None


def plain_rows(script: str) -> Iterator[Row]:
    """Every row that is neither blank nor a `#` comment."""
    for number, text in enumerate(script.split("\n"), start=1):
        if text.strip() and not text.lstrip().startswith("#"):
            yield Row(text, number)


def srt_rows(script: str, begins_line: Callable[[Row], bool]) -> Iterator[Row]:
    """Subtitles as rows. A subtitle's text is one row, whatever its line breaks, unless `begins_line` says that a
    further row names its own speaker. Italics and the like are left out. Raises `ScriptError` on malformed SRT.
    """
    position = 0
    for subtitle in _parse_subtitles(script):
        position = script.index("\n", script.index("-->", position))
        position = script.index(subtitle.content, position)
        number = script.count("\n", 0, position) + 1
        position += len(subtitle.content)
        yield from _join_rows(subtitle, number, begins_line)


def _join_rows(subtitle: srt.Subtitle, number: int, begins_line: Callable[[Row], bool]) -> Iterator[Row]:
    start: float | None = subtitle.start.total_seconds()
    whole: Row | None = None
    for offset, text in enumerate(_FORMATTING.sub("", subtitle.content).split("\n")):
        row = Row(text.strip(), number + offset, start)
        if "-->" in text:
            raise ScriptError(f"got {text.strip()!r}, {_EXPECTED}", row.number, 1)
        if not row.text:
            continue
        if whole is None or begins_line(row):
            if whole is not None:
                yield whole
            whole, start = row, None
        else:
            whole = Row(f"{whole.text} {row.text}", whole.number, whole.start_seconds)
    if whole is not None:
        yield whole


def _parse_subtitles(script: str) -> list[srt.Subtitle]:
    try:
        return list(srt.parse(script))
    except (srt.SRTParseError, srt.TimestampParseError, ValueError) as error:
        at = getattr(error, "expected_start", None)
        line = None if at is None else script.count("\n", 0, at) + 1
        raise ScriptError(f"the subtitles cannot be read ({error}); {_EXPECTED}", line) from error

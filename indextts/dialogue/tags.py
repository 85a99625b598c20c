"""What stands between brackets in a line: an emotion, a pause or a duration, or a mistake. Never text.

Only 【】 are quotes too in Chinese: inside a line they are a tag where they hold an emotion or a pause, else text.

A backslash makes a mark plain text: `\\[`, `\\<`, `\\:`, `\\|`, `\\#`, `\\-`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..errors import ScriptError
from ..records import Emotion
from .delivery import read_length
from .emotions import EMOTION_NAMES, is_emotion, read_emotion
from .pauses import NUMBER, is_pause, read_pause
from .sound_cues import close_gaps

DASHED_PAUSE = rf"(?<!\d)-(?P<dash>{NUMBER}\s{{0,9}}m?s)-"

_TAG = re.compile(
    r"\\(?P<escaped>.)|\[(?P<square>[^\[\]]*)\]|【(?P<lenticular>[^【】]*)】|<(?P<angle>/?[^\W\d_][^<>]*)>"
    rf"|{DASHED_PAUSE}|(?P<unclosed>\[)",
    re.IGNORECASE,
)
_EMOTION_KEY = re.compile(r"(?:emotion|emo|情感|情绪)\s{0,9}[:=：](.+)", re.IGNORECASE)
_DURATION_KEY = re.compile(r"(?:duration|length|时长)\s{0,9}[:=：](.{1,40})", re.IGNORECASE)
_QUOTED = re.compile(r"[\"'“”「](.*)[\"'“”」]")
_ESCAPED = re.compile(r"\\([\[\]【】<>:：|｜#\\-])")
_SHOWN = 60
_CLOCK = re.compile(r"\s{0,9}\d{1,3}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?\s{0,9}")

OnUnknown = Callable[[str, int], None]
"""Told of brackets that hold nothing known, and their column, where they are left out and not refused."""


@dataclass(frozen=True)
class Tag:
    """An emotion, a pause or a duration of what is said, in seconds. `line` and `column` count from 1."""

    line: int
    column: int
    emotion: Emotion | None = None
    pause: float | None = None
    duration: float | None = None


def unescape(text: str) -> str:
    """`text` without the backslashes that kept its marks from being read as tags or labels."""
    return _ESCAPED.sub(r"\1", text)


def is_clock(content: str) -> bool:
    """Whether brackets hold a time, as transcripts have it before a name: `[00:01]`."""
    return _CLOCK.fullmatch(content) is not None


def split_tags(
    row: str, line: int, start: int = 0, end: int | None = None, on_unknown: OnUnknown | None = None
) -> Iterator[str | Tag]:
    """Text and tags of a row from offset `start` to `end`, in order.

    Raises `ScriptError` on a tag nobody knows, unless `on_unknown` is there to be told.
    """
    end = len(row) if end is None else end
    pieces: list[str] = []
    for match in _TAG.finditer(row, start, end):
        if _is_text(match):
            continue
        pieces.append(row[start : match.start()])
        start = match.end()
        tag = _read_match(match, line, on_unknown)
        if tag is not None:
            yield close_gaps(pieces)
            yield tag
            pieces = []
    yield close_gaps([*pieces, row[start:end]])


def _read_match(match: re.Match[str], line: int, on_unknown: OnUnknown | None) -> Tag | None:
    """The tag of a match; None where it is left out."""
    column = match.start() + 1
    content = "" if match["unclosed"] else tag_content(match)
    if is_clock(content):
        return None
    try:
        if match["unclosed"]:
            raise ScriptError("'[' is never closed; close the tag with ']', or write \\[ to speak it", line, column)
        tag = read_tag(content, line, column)
        if tag is None:
            raise unknown_tag(match.group(), line, column)
    except ScriptError:
        if on_unknown is None:
            raise
        on_unknown(match.group(), column)
        return None
    return tag


def _is_text(match: re.Match[str]) -> bool:
    content = match["lenticular"]
    return match["escaped"] is not None or (content is not None and not (is_emotion(content) or is_pause(content)))


def tag_content(match: re.Match[str]) -> str:
    """What a tag's brackets hold; dashes around a duration are a pause."""
    group = match.lastgroup or ""
    return f"pause:{match[group]}" if group == "dash" else match[group]


def read_tag(content: str, line: int, column: int) -> Tag | None:
    """The tag that a bracket's content stands for; None where it is no tag. Raises `ScriptError` on a faulty one."""
    try:
        if (length := _DURATION_KEY.fullmatch(content.strip())) is not None:
            return Tag(line, column, duration=read_length(length[1]))
        pause = read_pause(content)
        emotion = None if pause is not None else _keyed_emotion(content) or read_emotion(content)
    except ValueError as error:
        raise ScriptError(str(error), line, column) from error
    return None if pause is None and emotion is None else Tag(line, column, emotion, pause)


def unknown_tag(shown: str, line: int, column: int, speakers: str = "", meant: str = "") -> ScriptError:
    """The error for brackets that hold nothing known.

    speakers: the names that may stand there too. meant: a sentence on the one that is nearest.
    """
    speaker = f"a speaker ({speakers}), " if speakers else ""
    return ScriptError(
        f"unknown tag {_shorten(shown)}; expected {speaker}an emotion ({EMOTION_NAMES}, a synonym or its Chinese), "
        'weights such as [happy:0.5|sad:0.2], eight numbers, [emotion:"in your own words"] a pause such as '
        f"[pause:0.5], or a duration such as [duration:2.5s].{meant} To speak the bracket, write \\{shown[0]}",
        line,
        column,
    )


def _shorten(shown: str) -> str:
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def _keyed_emotion(content: str) -> Emotion | None:
    """`emotion:"free text"`; without quotes it must be an emotion that has a name."""
    match = _EMOTION_KEY.fullmatch(content.strip())
    if not match:
        return None
    value = match.group(1).strip()
    quoted = _QUOTED.fullmatch(value)
    if quoted and not quoted.group(1).strip():
        raise ValueError('the emotion is empty; say how the line sounds: [emotion:"tired but kind"]')
    emotion = Emotion(mode="text", text=quoted.group(1).strip()) if quoted else read_emotion(value)
    if emotion is None:
        raise ValueError(f'unknown emotion {value!r}, expected one of {EMOTION_NAMES}, or quotes: [emotion:"{value}"]')
    return emotion

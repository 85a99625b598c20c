"""What stands between brackets in a line: an emotion or a pause, or a mistake. Never text.

Only 【】 are quotes too in Chinese: inside a line they are a tag where they hold an emotion or a pause, else text.

A backslash makes a mark plain text: `\\[`, `\\<`, `\\:`, `\\|`, `\\#`, `\\-`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import ScriptError
from ..records import Emotion
from .emotions import EMOTION_NAMES, is_emotion, read_emotion
from .pauses import is_pause, read_pause

DASHED_PAUSE = r"(?<!\d)-(?P<dash>\d*\.?\d+\s*m?s)-"

_TAG = re.compile(
    r"\\(?P<escaped>.)|\[(?P<square>[^\[\]]*)\]|【(?P<lenticular>[^【】]*)】|<(?P<angle>/?[^\W\d_][^<>]*)>"
    rf"|{DASHED_PAUSE}|(?P<unclosed>\[)",
    re.IGNORECASE,
)
_EMOTION_KEY = re.compile(r"(?:emotion|emo|情感|情绪)\s*[:=：]\s*(.+)", re.IGNORECASE)
_QUOTED = re.compile(r"[\"'“”「](.*)[\"'“”」]")
_ESCAPED = re.compile(r"\\([\[\]【】<>:：|｜#\\-])")


@dataclass(frozen=True)
class Tag:
    """Either an emotion or a pause in seconds. `line` and `column` count from 1."""

    line: int
    column: int
    emotion: Emotion | None = None
    pause: float | None = None


def unescape(text: str) -> str:
    """`text` without the backslashes that kept its marks from being read as tags or labels."""
    return _ESCAPED.sub(r"\1", text)


def split_tags(row: str, line: int, start: int = 0) -> Iterator[str | Tag]:
    """Text and tags of a row from offset `start` on, in order. Raises `ScriptError` on a tag nobody knows."""
    for match in _TAG.finditer(row, start):
        if _is_text(match):
            continue
        yield row[start : match.start()]
        column = match.start() + 1
        if match["unclosed"]:
            raise ScriptError("'[' is never closed; close the tag with ']', or write \\[ to speak it", line, column)
        tag = read_tag(tag_content(match), line, column)
        if tag is None:
            raise unknown_tag(match.group(), line, column)
        yield tag
        start = match.end()
    yield row[start:]


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
        pause = read_pause(content)
        emotion = None if pause is not None else _keyed_emotion(content) or read_emotion(content)
    except ValueError as error:
        raise ScriptError(str(error), line, column) from error
    return None if pause is None and emotion is None else Tag(line, column, emotion, pause)


def unknown_tag(shown: str, line: int, column: int, speakers: str = "") -> ScriptError:
    """The error for brackets that hold nothing known; `speakers`: the names that may stand there too."""
    speaker = f"a speaker ({speakers}), " if speakers else ""
    return ScriptError(
        f"unknown tag {shown}; expected {speaker}an emotion ({EMOTION_NAMES}, a synonym or its Chinese), weights "
        f'such as [happy:0.5|sad:0.2], eight numbers, [emotion:"in your own words"] or a pause such as [pause:0.5]. '
        f"To speak the bracket, write \\{shown[0]}",
        line,
        column,
    )


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

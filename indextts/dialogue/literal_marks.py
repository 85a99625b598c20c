"""Marks that are text in subtitles that the pack writes, though they could be read as a label, a tag or a sound cue.

A word joiner (U+2060), which no player shows, stands behind each of them. The reader takes such marks out of sight
before it looks for anything, and puts them back into the lines.
"""

import html
import re

from .emotions import is_emotion

JOINER = "\u2060"
MARKS = '[](){}<>:|#*_`&=~+•·-‐‑‒–—―♩♪♫♬¶🎵🎶【】（）：｜＃「」『』\\@"“”→»'
NONCHARACTERS = (*range(0xFDD0, 0xFDF0), *(plane * 0x10000 + end for plane in range(1, 17) for end in (0xFFFE, 0xFFFF)))
_HIDDEN = {mark: chr(code) for mark, code in zip(MARKS, NONCHARACTERS, strict=False)}
"""For each a noncharacter: no text holds one, and to nobody it means anything."""
_MARKED = re.compile(f"(&lt;|&gt;|&amp;|[{re.escape(MARKS)}]){JOINER}")
_ANNOTATION = re.compile(
    r"<(?!/)([^<>|｜\n\r]{1,60})[|｜]([0-9A-Za-z\u00c0-\u01dc\u0300-\u030c\u3041-\u30ff .]{1,120})>"
)
_HIDE = dict.fromkeys(NONCHARACTERS)
_REVEAL = str.maketrans({hidden: mark for mark, hidden in _HIDDEN.items()})
_MARK = re.compile(f"[{re.escape(MARKS)}]")


def has_marks(text: str) -> bool:
    return _MARK.search(text) is not None


def mark_literal(text: str) -> str:
    """`text` with a word joiner behind every mark."""
    return _MARK.sub(rf"\g<0>{JOINER}", text)


def hide_marks(script: str) -> str:
    """`script` with noncharacters in place of marks that a joiner follows; those that were there are left out."""
    return _MARKED.sub(lambda match: _HIDDEN[html.unescape(match[1])], script.translate(_HIDE))


def hide_readings(script: str) -> str:
    """`script` with the marks of annotations out of sight: `<重|CHONG2>`, `<word|W ER1 D>`, `<東京|とうきょう>`.

    What else stands between such brackets is a label or a tag: `<Ben|sad>`, `<happy|0.8>`, `<Ben|seed:4>`.
    """
    return _ANNOTATION.sub(_hide_annotation, script)


def _hide_annotation(match: re.Match[str]) -> str:
    reading = match[2].strip()
    if is_emotion(reading) or is_emotion(match[1].strip()) or not any(map(str.isalpha, reading)):
        return match.group()
    return f"{_HIDDEN['<']}{match[1]}{_HIDDEN['|']}{match[2]}{_HIDDEN['>']}"


def reveal_marks(text: str) -> str:
    """The marks that `hide_marks` took out of sight."""
    return text.translate(_REVEAL)

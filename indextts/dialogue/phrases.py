"""A row's text and tags into phrases: what is said in one breath, with one emotion."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..errors import ScriptError
from ..records import Emotion
from .tags import Tag, unescape

# Punctuation that ends what came before it; dots before a word (...and so) begin what comes after.
_CLOSING = re.compile(r"[^\w\s]+$|[,.!?;:，。！？；：、)）」』”’]+(?=\s|[^\W\x00-\x7f])")


Notice = Callable[[int, str], None]
"""Told what was left out or changed on a line."""


@dataclass
class Phrase:
    text: str
    emotion: Emotion | None = None
    pause_before: float | None = None
    pause_after: float | None = None
    fixed_seconds: float | None = None


@dataclass
class Carry:
    """Tags that have no text yet: the last emotion, the sum of the pauses and the last duration in seconds."""

    emotion: Tag | None = None
    pause: float | None = None
    duration: float | None = None

    def drop_emotion(self, notice: Notice | None) -> None:
        """Forget an emotion that waits for text in vain: an error, or where there is one to tell, a `notice`."""
        if self.emotion is None:
            return
        tag, self.emotion = self.emotion, None
        if notice is None:
            raise ScriptError(
                "an emotion with no text after it; put it before the words it is for", tag.line, tag.column
            )
        notice(tag.line, "left out an emotion with no text after it")


def read_phrases(parts: Iterable[str | Tag], carry: Carry, notice: Notice | None = None) -> list[Phrase]:
    """Phrases of one row. `carry` holds what the row above left over, and in the end what this one does.

    A pause ends a phrase, and so does another emotion, which holds from there on. Punctuation right after a tag stays
    with the phrase before it. An emotion at the very end holds for the whole row where nothing else does. A duration
    holds for the phrase it begins, at the very end for the one it stands behind.
    `notice` is told of an emotion that holds for nothing; without one that is a `ScriptError`.
    """
    phrases: list[Phrase] = []
    for part in parts:
        if isinstance(part, str):
            _add_text(phrases, unescape(part).strip(), carry)
        elif part.duration is not None:
            carry.duration = part.duration
        elif part.pause is None:
            carry.emotion = part
        elif phrases:
            phrases[-1].pause_after = (phrases[-1].pause_after or 0.0) + part.pause
        else:
            carry.pause = (carry.pause or 0.0) + part.pause
    if phrases and phrases[-1].fixed_seconds is None:
        phrases[-1].fixed_seconds, carry.duration = carry.duration, None
    if phrases and carry.emotion is not None:
        if any(phrase.emotion for phrase in phrases):
            carry.drop_emotion(notice)
            return phrases
        for phrase in phrases:
            phrase.emotion = carry.emotion.emotion
        carry.emotion = None
    return phrases


def _add_text(phrases: list[Phrase], text: str, carry: Carry) -> None:
    if phrases and (closing := _CLOSING.match(text)):
        phrases[-1].text += closing.group()
        text = text[closing.end() :].strip()
    if not text:
        return
    emotion = phrases[-1].emotion if phrases else None
    if carry.emotion is not None:
        emotion, carry.emotion = carry.emotion.emotion, None
    if phrases and phrases[-1].pause_after is None:
        phrases[-1].pause_after = 0.0  # the emotion changed in mid-line; nobody asked for a pause
    phrases.append(Phrase(text, emotion, pause_before=carry.pause, fixed_seconds=carry.duration))
    carry.pause = carry.duration = None

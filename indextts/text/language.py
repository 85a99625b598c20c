"""Which of the two languages a line is read in: by its letters, else by the lines around it."""

import re
from collections.abc import Sequence
from typing import Literal

from .pinyin import PINYIN

Language = Literal["zh", "en"]

LANGUAGES = ("auto", "zh", "en", "zh-en")
"""What a user may ask for. "auto" and "zh-en" look at the text; a line of both languages is read as Chinese.

English around a few Chinese characters stays English."""

HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LATIN_WORD = re.compile(r"(?<![^\W\d_])[^\W\d_]+(?:['’][^\W\d_]+)*(?![^\W\d_])")
_LATIN = re.compile("[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]")
_CHINESE_MARKS = re.compile("[\u3001\u3002\uff0c\uff1b\uff1a\uff1f\uff01\uff08\uff09\u300a-\u300f\u3010\u3011]")
_STANDING_WORD = re.compile(r"(?<!\S)['\"“(]?[A-Za-z]+(?:['’-][A-Za-z]+)*(?=[,.!?;:'\"”)]*(?:\s|$))")
_ENOUGH_AROUND_HAN = 6
"""Words between spaces that make a line English although it quotes Chinese, if they are three times the characters."""
_ENOUGH_WORDS = 2
"""Words that make a line English whatever stands around it; fewer may be a unit, a code or a name: 80kg, A4, Nike."""


def check_language(language: str) -> None:
    """Raises ValueError for a language that cannot be asked for."""
    if language not in LANGUAGES:
        raise ValueError(f"language is {language!r}, expected one of {', '.join(LANGUAGES)}")


def choose_language(text: str, language: str = "auto", as_written: str = "") -> Language:
    """The language of one line that stands alone; without any letter it is Chinese.

    as_written: the line before its punctuation was unified; Chinese marks tell, too.
    """
    if language not in ("zh", "en") and _tell_language(text) != "zh" and _has_chinese_marks(as_written):
        return "zh"
    return choose_languages([text], language)[0]


def choose_languages(texts: Sequence[str], language: str = "auto") -> list[Language]:
    """The language of every line of a dialogue.

    Letters tell most. A line of digits, units or a single name is read as the nearest line before it that tells, else
    as the nearest behind it.
    """
    check_language(language)
    if language == "zh":
        return ["zh"] * len(texts)
    if language == "en":
        return ["en"] * len(texts)
    told = [_tell_language(text) for text in texts]
    before = _carry_forward(told)
    behind = _carry_forward(told[::-1])[::-1]
    default: Language = "en" if any(map(_LATIN.search, texts)) else "zh"  # no line tells, so none is pinyin
    return [one or other or default for one, other in zip(before, behind, strict=True)]


def _tell_language(text: str) -> Language | None:
    """The language that a text's own letters tell; None where they are too few."""
    characters = len(HAN.findall(text))
    if characters:
        standing = len(_STANDING_WORD.findall(text))
        return "en" if standing >= max(_ENOUGH_AROUND_HAN, 3 * characters) else "zh"
    if _has_chinese_marks(text):
        return "zh"
    words = len(_LATIN_WORD.findall(PINYIN.sub(" ", text)))
    if _is_pinyin(PINYIN.findall(text), words):
        return "zh"
    return "en" if words >= _ENOUGH_WORDS else None


def _has_chinese_marks(text: str) -> bool:
    """Whether the marks between codes and names are Chinese: ISO9001、ISO14001. English words win over them."""
    return _CHINESE_MARKS.search(text) is not None and len(_STANDING_WORD.findall(text)) < _ENOUGH_WORDS


def _is_pinyin(syllables: Sequence[str], other_words: int) -> bool:
    """Whether syllables with their tones are as many as all other words, and not only codes such as A4 and MI5."""
    return len(syllables) >= other_words and not all(map(str.isupper, syllables))


def _carry_forward(languages: Sequence[Language | None]) -> list[Language | None]:
    carried: list[Language | None] = []
    for language in languages:
        carried.append(language or (carried[-1] if carried else None))
    return carried

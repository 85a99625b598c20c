"""Which language a line is read in: by its letters, else by the lines around it."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Literal, cast

from ..errors import TextError
from .pinyin import PINYIN

Language = Literal["zh", "en", "ja", "es", "ar"]

LANGUAGES = ("auto", "zh", "en", "zh-en", "ja", "es", "ar")
"""What a user may ask for. "auto" and "zh-en" look at the text; a line of both languages is read as Chinese.

English around a few Chinese characters stays English."""
TWO_LANGUAGES: tuple[Language, ...] = ("zh", "en")
"""What IndexTTS-2 speaks."""
FIVE_LANGUAGES: tuple[Language, ...] = ("zh", "en", "ja", "es", "ar")
"""What IndexTTS-2.5 speaks."""

HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LATIN_WORD = re.compile(r"(?<![^\W\d_])[^\W\d_]+(?:['’][^\W\d_]+)*(?![^\W\d_])")
_LATIN = re.compile("[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]")
_CHINESE_MARKS = re.compile("[\u3001\u3002\uff0c\uff1b\uff1a\uff1f\uff01\uff08\uff09\u300a-\u300f\u3010\u3011]")
_STANDING_WORD = re.compile(r"(?<!\S)['\"“(]?[A-Za-z]+(?:['’-][A-Za-z]+)*(?=[,.!?;:'\"”)]*(?:\s|$))")
_KANA = re.compile("[\u3041-\u30fa\u30fd-\u30ff]")
_ARABIC = re.compile("[\u0621-\u064a\u066e-\u06d3\u06fa-\u06ff\u0750-\u077f]")
_SPANISH = re.compile("[¿¡ñÑ]")
_SPANISH_WORDS = (
    "al como con cuando de del el ella ellos en entre es esta este están hay hola la las lo los más muy nos para pero "
    "por porque qué que se sin son su sus también tiene un una y ya yo"
)
"""Words between others. Two of them make a line Spanish, where none of the English ones stands."""
_ENGLISH_WORDS = "a an and are at for he i in is it my of on she that the they this to was we with you"
_ENOUGH_AROUND_HAN = 6
"""Words between spaces that make a line English although it quotes Chinese, if they are three times the characters."""
_ENOUGH_WORDS = 2
"""Words that make a line English whatever stands around it; fewer may be a unit, a code or a name: 80kg, A4, Nike."""


def check_language(language: str, spoken: Sequence[Language] = FIVE_LANGUAGES) -> None:
    """Raises `TextError` for a language that cannot be asked for, or that a model which speaks `spoken` does not."""
    if language not in LANGUAGES:
        nearest = get_close_matches(language.casefold(), LANGUAGES, n=1, cutoff=0.3)
        raise TextError(
            f"got the language {language[:40]!r}, expected one of {', '.join(LANGUAGES)}"
            + (f"; perhaps {nearest[0]}" if nearest else "")
        )
    if language in FIVE_LANGUAGES and language not in spoken:
        raise TextError(
            f"got the language {language}, which IndexTTS-2 does not speak; expected {' or '.join(spoken)}: choose an "
            "IndexTTS-2.5 folder as model_dir, which speaks it"
        )


def choose_language(
    text: str, language: str = "auto", spoken: Sequence[Language] = TWO_LANGUAGES, as_written: str = ""
) -> Language:
    """The language of one line that stands alone; without any letter it is Chinese.

    as_written: the line before its punctuation was unified; Chinese marks tell, too.
    """
    asked = language in ("auto", "zh-en")
    if asked and _tell_language(text, spoken) not in ("zh", "ja") and _has_chinese_marks(as_written):
        return "zh"
    return choose_languages([text], language, spoken)[0]


def choose_languages(
    texts: Sequence[str], language: str = "auto", spoken: Sequence[Language] = TWO_LANGUAGES
) -> list[Language]:
    """The language of every line of a dialogue, one of those that the model has `spoken` in its training.

    Letters tell most. A line of digits, units or a single name is read as the nearest line before it that tells, else
    as the nearest behind it. Among Spanish lines so is one that has no word which only English has: Buenas noches.
    """
    check_language(language, spoken)
    if language not in ("auto", "zh-en"):
        return [cast(Language, language)] * len(texts)
    among = spoken if language == "auto" else TWO_LANGUAGES
    told = [_tell_language(text, among) for text in texts]
    if "es" in told:
        told = [None if one == "en" and not _has_english(text) else one for text, one in zip(texts, told, strict=True)]
    before = _carry_forward(told)
    behind = _carry_forward(told[::-1])[::-1]
    default: Language = "en" if any(map(_LATIN.search, texts)) else "zh"  # no line tells, so none is pinyin
    return [one or other or default for one, other in zip(before, behind, strict=True)]


def is_mixed(text: str) -> bool:
    """Whether a text has Chinese characters and words of Latin letters."""
    return HAN.search(text) is not None and _LATIN.search(PINYIN.sub(" ", text)) is not None


def _tell_language(text: str, among: Sequence[Language]) -> Language | None:
    """The language that a text's own letters tell; None where they are too few."""
    kana = len(_KANA.findall(text)) if "ja" in among else 0
    characters = len(HAN.findall(text)) + kana
    if characters:
        standing = len(_STANDING_WORD.findall(text))
        is_english = standing >= max(_ENOUGH_AROUND_HAN, 3 * characters)
        return "en" if is_english else "ja" if kana else "zh"
    words = _LATIN_WORD.findall(PINYIN.sub(" ", text))
    if "ar" in among and (arabic := len(_ARABIC.findall(text))):
        return "ar" if 3 * arabic >= sum(map(len, words)) else "en"
    if "es" in among and _is_spanish(text, words):
        return "es"
    if _has_chinese_marks(text):
        return "zh"
    if _is_pinyin(PINYIN.findall(text), len(words)):
        return "zh"
    return "en" if len(words) >= _ENOUGH_WORDS else None


def _has_english(text: str) -> bool:
    return not set(map(str.lower, _LATIN_WORD.findall(text))).isdisjoint(_ENGLISH_WORDS.split())


def _is_spanish(text: str, words: Sequence[str]) -> bool:
    lowered = set(map(str.lower, words))
    few = lowered.isdisjoint(_ENGLISH_WORDS.split())
    return (_SPANISH.search(text) is not None and (few or "¿" in text or "¡" in text)) or (
        few and len(lowered.intersection(_SPANISH_WORDS.split())) >= 2
    )


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

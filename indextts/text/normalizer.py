"""Written text to spoken text: numbers, dates, units and symbols become words, punctuation the vocabulary's.

The grammars are wetext's (finite-state transducers, compiled; no pynini). They are loaded on first use.
"""

import re
from collections.abc import Mapping

from .characters import remove_invisible, unify_punctuation
from .grammar import Grammar
from .shelter import NAME, PINYIN, Shelter, respell_pinyin

LANGUAGES = ("auto", "zh", "en", "zh-en")

_CONTRACTION = re.compile(r"(?<![a-z])(it|s?he|this|that|t?here|who|what|which|where|how)'s(?![a-z])", re.IGNORECASE)
_EMAIL = re.compile(r"[a-zA-Z0-9]+@[a-zA-Z0-9]+\.[a-zA-Z]+")
# Hangul, kana, Chinese characters with their punctuation, half-width kana and the supplementary planes of Chinese.
_CJK = re.compile(
    "([\u1100-\u11ff\u2e80-\ua4cf\ua840-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff65-\uffdc\U00020000-\U0002ffff])"
)

Reading = str | Mapping[str, str]


def reads_as_chinese(text: str) -> bool:
    """Whether the Chinese grammar should read `text`: Chinese characters, pinyin, no Latin letter, or a bare email."""
    return bool(
        re.search(r"[\u4e00-\u9fff]", text)
        or not re.search(r"[a-zA-Z]", text)
        or _EMAIL.fullmatch(text)
        or PINYIN.search(text)
    )


def pretokenize(normalized: str) -> str:
    """The string SentencePiece gets: upper-case, every Chinese, Japanese or Korean character on its own."""
    parts = (part.strip().upper() for part in _CJK.split(normalized.strip()))
    return " ".join(part for part in parts if part)


class TextNormalizer:
    """Speaks for one glossary: term → reading, or term → {"zh": reading, "en": reading}; case does not matter."""

    def __init__(self, glossary: Mapping[str, Reading] | None = None) -> None:
        self._glossary = {term.lower(): reading for term, reading in (glossary or {}).items() if term}
        longest_first = sorted(self._glossary, key=len, reverse=True)
        self._terms = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if longest_first else None
        self._chinese = Grammar("zh")
        self._english = Grammar("en")

    def normalize(self, text: str, language: str = "auto") -> str:
        """Words and the vocabulary's punctuation for `text`.

        `language`: "zh" and "en" pick a grammar; "auto" and "zh-en" pick the one that reads the text as a whole
        (the Chinese grammar reads mixed text). Raises ValueError for another language.
        """
        if language not in LANGUAGES:
            raise ValueError(f"language is {language!r}, expected one of {', '.join(LANGUAGES)}")
        text = remove_invisible(text)
        chinese = reads_as_chinese(text) if language in ("auto", "zh-en") else language == "zh"
        text = self._apply_glossary(_CONTRACTION.sub(r"\1 is", text), "zh" if chinese else "en")
        spoken = self._speak_chinese(text) if chinese else self._speak_english(text)
        return unify_punctuation(spoken, chinese).strip()

    def _speak_chinese(self, text: str) -> str:
        shelter = Shelter(text)
        sheltered = shelter.keep(shelter.keep_hyphens(text), PINYIN, respell_pinyin)
        return shelter.restore(self._chinese.speak(shelter.keep(sheltered, NAME)))

    def _speak_english(self, text: str) -> str:
        shelter = Shelter(text)
        return shelter.restore(self._english.speak(shelter.keep_hyphens(text)))

    def _apply_glossary(self, text: str, language: str) -> str:
        if self._terms is None:
            return text

        def reading(match: re.Match[str]) -> str:
            entry = self._glossary[match.group().lower()]
            return entry if isinstance(entry, str) else entry.get(language, match.group())

        return self._terms.sub(reading, text)

"""Written text to spoken text: numbers, dates, units and symbols become words, punctuation the vocabulary's.

The grammars are wetext's (finite-state transducers, compiled; no pynini). They are loaded on first use.
"""

import re
from collections.abc import Mapping

from .characters import remove_invisible, unify_punctuation
from .chinese import reads_as_chinese, verbalize_chinese
from .english import expand_contractions, verbalize_english
from .grammar import Grammar

LANGUAGES = ("auto", "zh", "en", "zh-en")

Reading = str | Mapping[str, str]


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
        text = self._apply_glossary(expand_contractions(text), "zh" if chinese else "en")
        spoken = verbalize_chinese(text, self._chinese) if chinese else verbalize_english(text, self._english)
        return unify_punctuation(spoken, chinese).strip()

    def _apply_glossary(self, text: str, language: str) -> str:
        if self._terms is None:
            return text

        def look_up(match: re.Match[str]) -> str:
            entry = self._glossary[match.group().lower()]
            return entry if isinstance(entry, str) else entry.get(language, match.group())

        return self._terms.sub(look_up, text)

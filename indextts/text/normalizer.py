"""Written text to spoken text: numbers, dates, units and symbols become words, punctuation the vocabulary's.

The layers, in order: characters.py, markup.py, language.py, the glossary, the language's rules (english_rules.py,
chinese_rules.py), the Chinese grammar (grammar.py), punctuation.py. The grammar is wetext's (finite-state transducers,
compiled; no pynini). It is loaded on first use; English needs none.
"""

import re
from collections.abc import Callable, Mapping

from .characters import drop_ornaments, fold_characters
from .chinese import verbalize_chinese
from .english import verbalize_english
from .grammar import Grammar
from .language import Language, check_language, choose_language
from .markup import strip_markup, unescape_entities
from .pieces import split_pieces
from .punctuation import unify_punctuation
from .spoken_spans import SpokenSpans
from .traditional import simplify_characters

Reading = str | Mapping[str, str]


def continue_always() -> None:
    """For callers that never want to stop between two pieces."""


class TextNormalizer:
    """Speaks for one glossary: term → reading, or term → {"zh": reading, "en": reading}; case does not matter."""

    def __init__(self, glossary: Mapping[str, Reading] | None = None) -> None:
        self._glossary = {term.lower(): reading for term, reading in (glossary or {}).items() if term}
        longest_first = sorted(self._glossary, key=len, reverse=True)
        self._terms = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if longest_first else None
        self._chinese = Grammar("zh")

    def normalize(self, text: str, language: str = "auto", between_pieces: Callable[[], None] = continue_always) -> str:
        """Words and the vocabulary's punctuation for `text`.

        `language`: "zh" and "en" pick a grammar; "auto" and "zh-en" pick the one that reads the text as a whole
        (the Chinese grammar reads mixed text). Raises ValueError for another language.
        `between_pieces` is called before each piece of a long text; what it raises ends the work.
        """
        check_language(language)
        text = strip_markup(drop_ornaments(fold_characters(unescape_entities(text))))
        if not any(map(str.isalnum, text)):  # signs alone are no words: * * *
            return unify_punctuation(text, chinese=False).strip()
        chosen = choose_language(text, language)
        spoken = []
        for piece in split_pieces(text):
            between_pieces()
            spoken.append(self._normalize_piece(piece, chosen))
        return "".join(spoken).strip()

    def _normalize_piece(self, piece: str, language: Language) -> str:
        spans = SpokenSpans(simplify_characters(piece) if language == "zh" else piece)
        self._apply_glossary(spans, language)
        chinese = language == "zh"
        spoken = verbalize_chinese(spans, self._chinese) if chinese else verbalize_english(spans)
        return unify_punctuation(spoken, chinese)

    def _apply_glossary(self, spans: SpokenSpans, language: Language) -> None:
        if self._terms is None:
            return

        def look_up(match: re.Match[str]) -> str | None:
            entry = self._glossary[match.group().lower()]
            return entry if isinstance(entry, str) else entry.get(language)

        spans.rewrite_matches(self._terms, look_up)

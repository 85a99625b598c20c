"""Written text to spoken text: numbers, dates, units and symbols become words, punctuation the vocabulary's.

The layers, in order: characters.py, markup.py, language.py, the glossary, the language's rules (english_rules.py,
chinese_rules.py), the Chinese grammar (grammar.py), punctuation.py. The grammar is wetext's (finite-state transducers,
compiled; no pynini). It is loaded on first use; English needs none.
"""

from collections.abc import Callable, Mapping

from .characters import drop_ornaments, fold_characters
from .chinese import verbalize_chinese
from .english import verbalize_english
from .glossary import Glossary, Reading
from .grammar import Grammar
from .language import Language, check_language, choose_language
from .markup import strip_markup, unescape_entities
from .pieces import split_pieces
from .punctuation import unify_punctuation
from .spoken_spans import SpokenSpans
from .traditional import simplify_characters


def continue_always() -> None:
    """For callers that never want to stop between two pieces."""


class TextNormalizer:
    """Speaks for one glossary: term → reading, or term → {"zh": reading, "en": reading}."""

    def __init__(self, glossary: Mapping[str, Reading] | None = None) -> None:
        self.use_glossary(glossary or {})
        self._chinese = Grammar()

    def use_glossary(self, glossary: Mapping[str, Reading]) -> None:
        """From now on the terms of `glossary` are read as it says."""
        self._entries = {fold_characters(term): reading for term, reading in glossary.items() if term}
        self._glossaries: dict[Language, Glossary] = {}
        self._readings: dict[tuple[str, Language], str] = {}

    def normalize(self, text: str, language: str = "auto", between_pieces: Callable[[], None] = continue_always) -> str:
        """Words and the vocabulary's punctuation for `text`.

        `language`: "zh" and "en" pick a grammar; "auto" and "zh-en" pick the one that reads the text as a whole
        (the Chinese grammar reads mixed text). Raises ValueError for another language.
        `between_pieces` is called before each piece of a long text; what it raises ends the work.
        """
        check_language(language)
        written, text = text, strip_markup(drop_ornaments(fold_characters(unescape_entities(text))))
        if not any(map(str.isalnum, text)):  # signs alone are no words: * * *
            return unify_punctuation(text, chinese=False).strip()
        chosen = choose_language(text, language, written)
        spoken = []
        for piece in split_pieces(text):
            between_pieces()
            spoken.append(self._normalize_piece(piece, chosen))
        return "".join(spoken).strip()

    def _normalize_piece(self, piece: str, language: Language) -> str:
        spans = SpokenSpans(simplify_characters(piece) if language == "zh" else piece)
        if self._entries:
            self._choose_glossary(language).speak_terms(spans, language, lambda reading: self._speak(reading, language))
        return unify_punctuation(self._verbalize(spans, language), language == "zh")

    def _verbalize(self, spans: SpokenSpans, language: Language) -> str:
        if language == "zh":
            return verbalize_chinese(spans, self._chinese)
        return verbalize_english(spans)

    def _choose_glossary(self, language: Language) -> Glossary:
        """The glossary for text of `language`, its terms written as that text is."""
        if language not in self._glossaries:
            write = simplify_characters if language == "zh" else str
            self._glossaries[language] = Glossary({write(term): entry for term, entry in self._entries.items()})
        return self._glossaries[language]

    def _speak(self, reading: str, language: Language) -> str:
        """A reading as it is spoken; it may hold numbers and pinyin, and no terms of the glossary."""
        key = (reading, language)
        if key not in self._readings:
            self._readings[key] = self._verbalize(SpokenSpans(fold_characters(reading)), language).strip()
        return self._readings[key]

"""Written text to spoken text: numbers, dates, units and symbols become words, punctuation the vocabulary's.

The layers, in order: characters.py, markup.py, language.py, the glossary, the language's rules (english_rules.py,
chinese_rules.py), the Chinese grammar (grammar.py), punctuation.py. The grammar is wetext's (finite-state transducers,
compiled; no pynini). It is loaded on first use; English needs none.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from .annotations import has_annotation, hide_annotations, show_annotations, write_inline
from .arabic import verbalize_arabic
from .characters import drop_ornaments, fold_characters
from .chinese import verbalize_chinese
from .english import verbalize_english
from .glossary import Glossary, Reading
from .grammar import Grammar
from .japanese import verbalize_japanese
from .language import TWO_LANGUAGES, Language, check_language, choose_language
from .markup import strip_markup, unescape_entities
from .pieces import split_pieces
from .punctuation import unify_punctuation
from .spanish import verbalize_spanish
from .spoken_spans import SpokenSpans
from .traditional import simplify_characters


def continue_always() -> None:
    """For callers that never want to stop between two pieces."""


def has_words(text: str) -> bool:
    """Whether `text` holds anything to speak: a letter, a digit or an annotation; signs alone are none: * * *."""
    return any(map(str.isalnum, text)) or has_annotation(text)


class TextNormalizer:
    """Speaks for one glossary: term → reading, or term → {"zh": reading, "en": reading}.

    languages: what may be asked for. annotations: whether `<重|CHONG2>` is a reading, which stays in the text for the
    tokenizer, and pinyin within Chinese becomes one; else both are text.
    """

    def __init__(
        self,
        glossary: Mapping[str, Reading] | None = None,
        languages: Sequence[Language] = TWO_LANGUAGES,
        annotations: bool = False,
    ) -> None:
        self.use_glossary(glossary or {})
        self._languages, self._annotations = languages, annotations
        self._chinese = Grammar()
        self._verbalizers: dict[Language, Callable[[SpokenSpans], str]] = {
            "zh": partial(verbalize_chinese, grammar=self._chinese, annotations=annotations),
            "en": verbalize_english,
            "ja": verbalize_japanese,
            "es": verbalize_spanish,
            "ar": verbalize_arabic,
        }

    def use_glossary(self, glossary: Mapping[str, Reading]) -> None:
        """From now on the terms of `glossary` are read as it says."""
        self._entries = {fold_characters(term): reading for term, reading in glossary.items() if term}
        self._glossaries: dict[Language, Glossary] = {}
        self._readings: dict[tuple[str, Language], str] = {}

    def normalize(self, text: str, language: str = "auto", between_pieces: Callable[[], None] = continue_always) -> str:
        """Words and the vocabulary's punctuation for `text`.

        `language`: one of those that may be asked for picks its rules; "auto" and "zh-en" pick those that read the
        text as a whole (the Chinese ones read mixed text). Raises `TextError` for another language.
        `between_pieces` is called before each piece of a long text; what it raises ends the work.
        """
        check_language(language, self._languages)
        written, text = text, self._clean_text(text)
        if not has_words(text):
            return unify_punctuation(text, "en").strip()
        chosen = choose_language(show_annotations(text), language, self._languages, written)
        spoken = []
        for piece in split_pieces(text):
            between_pieces()
            spoken.append(self._normalize_piece(piece, chosen))
        return "".join(spoken).strip()

    def choose_language(self, text: str, language: str = "auto") -> Language:
        """The language that `normalize` reads `text` in."""
        return choose_language(show_annotations(self._clean_text(text)), language, self._languages, text)

    def _clean_text(self, text: str) -> str:
        return strip_markup(drop_ornaments(self._fold_text(unescape_entities(text))))

    def _fold_text(self, text: str) -> str:
        folded = fold_characters(text)
        return hide_annotations(folded) if self._annotations else write_inline(folded)

    def _normalize_piece(self, piece: str, language: Language) -> str:
        spans = SpokenSpans(simplify_characters(piece) if language == "zh" else piece)
        if self._entries:
            self._choose_glossary(language).speak_terms(spans, language, lambda reading: self._speak(reading, language))
        return unify_punctuation(self._verbalizers[language](spans), language)

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
            self._readings[key] = self._verbalizers[language](SpokenSpans(self._fold_text(reading))).strip()
        return self._readings[key]

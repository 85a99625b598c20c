"""Text as a user writes it, into the token segments the voice model speaks."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .annotations import keep_words
from .characters import list_ornaments
from .glossary import Reading
from .language import choose_languages, is_mixed
from .normalizer import TextNormalizer, continue_always, has_words
from .segment_encoders import read_encoder

CACHED_CHARACTERS = 1_000_000
"""Of the texts in the LRU cache; the grammars take longer to read a line than all the rest of its way to the model."""


@dataclass(frozen=True)
class PreparedText:
    """`segments`: token ids, to be spoken one after another; none where the text has no letter, and is a pause.

    `unknown`: characters that cannot be spoken, and pictures that are left out. `language_row`: of the language
    embedding, for a model that has one.
    """

    normalized: str
    segments: tuple[tuple[int, ...], ...]
    unknown: tuple[str, ...]
    language_row: int | None = None


class TextFrontend:
    """Normalizer, tokenizer and segmenter in one. `vocabulary_file` is the released `bpe.model` or `.tiktoken` file.

    `glossary`: how to read certain terms, as `TextNormalizer` takes it.
    """

    def __init__(self, vocabulary_file: Path, glossary: Mapping[str, Reading] | None = None) -> None:
        self._glossary = dict(glossary or {})
        self.encoder = read_encoder(vocabulary_file)
        self.normalizer = TextNormalizer(glossary, self.encoder.languages, self.encoder.has_annotations)
        self._prepared: OrderedDict[tuple[str, str, int], PreparedText] = OrderedDict()
        self._cached_characters = 0

    def use_glossary(self, glossary: Mapping[str, Reading]) -> None:
        """From now on the terms of `glossary` are read as it says; what was read with another is forgotten."""
        if glossary != self._glossary:
            self._glossary = dict(glossary)
            self.normalizer.use_glossary(glossary)
            self._prepared.clear()
            self._cached_characters = 0

    @property
    def note(self) -> str:
        """What is missing on this machine for the best of the texts so far; empty where nothing is."""
        return self.encoder.note

    def choose_languages(self, texts: Sequence[str], language: str = "auto") -> list[str]:
        """The language of every line of a dialogue; asked for "zh-en", lines of both stay it.

        Raises `TextError` for one that the model does not speak.
        """
        chosen = choose_languages(texts, language, self.encoder.languages)
        if language != "zh-en":
            return list(chosen)
        return ["zh-en" if is_mixed(text) else one for text, one in zip(texts, chosen, strict=True)]

    def prepare_text(
        self,
        text: str,
        language: str = "auto",
        max_tokens: int = 120,
        between_pieces: Callable[[], None] = continue_always,
    ) -> PreparedText:
        """Segments of at most `max_tokens` tokens; none for a text without letters or numbers.

        Raises `TextError` where the voice model knows none of its letters, or an annotation's reading is none.
        `between_pieces` is called before each piece of a long text; what it raises ends the work.

        Lines are spoken again and again, with another seed or voice: an LRU cache keeps the results.
        """
        key = (text, language, max_tokens)
        if key in self._prepared:
            self._prepared.move_to_end(key)
            return self._prepared[key]
        prepared = self._prepared[key] = self._prepare_text(text, language, max_tokens, between_pieces)
        self._cached_characters += len(text)
        while self._cached_characters > CACHED_CHARACTERS:
            (dropped, *_), _ = self._prepared.popitem(last=False)
            self._cached_characters -= len(dropped)
        return prepared

    def forget_texts(self) -> None:
        """Drop what is cached: every text is read anew."""
        self._prepared.clear()
        self._cached_characters = 0

    def _prepare_text(
        self, text: str, language: str, max_tokens: int, between_pieces: Callable[[], None]
    ) -> PreparedText:
        chosen = self.normalizer.choose_language(text, language)
        normalized = self.normalizer.normalize(text, chosen, between_pieces)
        if not has_words(normalized):
            return PreparedText(normalized, (), list_ornaments(text))
        between_pieces()
        encoded = self.encoder.encode(normalized, language if language == "zh-en" else chosen, max_tokens)
        unknown = (*encoded.unknown, *list_ornaments(text))
        return PreparedText(keep_words(normalized), encoded.segments, unknown, encoded.language_row)

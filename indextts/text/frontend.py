"""Text as a user writes it, into the token segments the voice model speaks."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import TextError
from .characters import list_ornaments
from .glossary import Reading
from .normalizer import TextNormalizer, continue_always
from .segmenter import split_segments
from .tokenizer import TextTokenizer, TokenizedText

CACHED_CHARACTERS = 1_000_000
"""Of the texts in the LRU cache; the grammars take longer to read a line than all the rest of its way to the model."""


@dataclass(frozen=True)
class PreparedText:
    """`segments`: token ids, to be spoken one after another; none where the text has no letter, and is a pause.

    `unknown`: characters that cannot be spoken, and pictures that are left out.
    """

    normalized: str
    segments: tuple[tuple[int, ...], ...]
    unknown: tuple[str, ...]


class TextFrontend:
    """Normalizer, tokenizer and segmenter in one. `model_file` is the released `bpe.model`.

    `glossary`: how to read certain terms, as `TextNormalizer` takes it.
    """

    def __init__(self, model_file: Path, glossary: Mapping[str, Reading] | None = None) -> None:
        self._glossary = dict(glossary or {})
        self.normalizer = TextNormalizer(glossary)
        self.tokenizer = TextTokenizer(model_file)
        self._prepared: OrderedDict[tuple[str, str, int], PreparedText] = OrderedDict()
        self._cached_characters = 0

    def use_glossary(self, glossary: Mapping[str, Reading]) -> None:
        """From now on the terms of `glossary` are read as it says; what was read with another is forgotten."""
        if glossary != self._glossary:
            self._glossary = dict(glossary)
            self.normalizer.use_glossary(glossary)
            self._prepared.clear()
            self._cached_characters = 0

    def prepare_text(
        self,
        text: str,
        language: str = "auto",
        max_tokens: int = 120,
        between_pieces: Callable[[], None] = continue_always,
    ) -> PreparedText:
        """Segments of at most `max_tokens` tokens; none for a text without letters or numbers.

        Raises `TextError` where the voice model knows none of its letters. `between_pieces` is called before each piece
        of a long text; what it raises ends the work.

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
        normalized = self.normalizer.normalize(text, language, between_pieces)
        if not any(character.isalnum() for character in normalized):
            return PreparedText(normalized, (), list_ornaments(text))
        between_pieces()
        tokenized = self.tokenizer.encode(normalized)
        between_pieces()
        if not _knows_any_letter(tokenized):
            raise TextError(
                f"got {_short_repr(text)}, of which the voice model knows no character; IndexTTS-2 speaks Chinese and "
                "English, the demonstration voice English: write the text in one of them"
            )
        segments = tuple(
            tuple(tokenized.ids[i] for i in segment) for segment in split_segments(tokenized.pieces, max_tokens)
        )
        return PreparedText(normalized, segments, (*tokenized.unknown, *list_ornaments(text)))


def _knows_any_letter(tokenized: TokenizedText) -> bool:
    unknown = set(tokenized.unknown)
    return any(c.isalnum() and c not in unknown for piece in tokenized.pieces for c in piece)


def _short_repr(text: str, limit: int = 60) -> str:
    return repr(text if len(text) <= limit else text[:limit] + "…")

"""Spoken text into segments of token ids: what of the front end a model's vocabulary decides, one class for each kind.

The file that comes with the weights says which: `bpe.model` is SentencePiece, as of IndexTTS-2; a `.tiktoken` file is
the byte pair encoding of IndexTTS-2.5, which knows five languages and annotations.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..errors import TextError
from .annotations import show_annotations
from .japanese_words import REMEDY, can_split_words, space_words
from .language import FIVE_LANGUAGES, TWO_LANGUAGES, Language
from .language_table import find_language_row
from .multilingual_segments import encode_segments
from .multilingual_tokenizer import MultilingualTokenizer
from .segmenter import split_segments
from .tokenizer import TextTokenizer, TokenizedText

_MIXED = "zhen"
"""What the reference calls a line of Chinese and English that is asked for as such."""


@dataclass(frozen=True)
class EncodedText:
    """`segments`: token ids. `unknown`: characters outside the vocabulary. `language_row`: of the embedding."""

    segments: tuple[tuple[int, ...], ...]
    unknown: tuple[str, ...] = ()
    language_row: int | None = None


class SegmentEncoder(Protocol):
    """languages: what the model speaks. has_annotations: whether its vocabulary has tokens for readings.

    note: what was missing for the best of it, once a text needed it.
    """

    languages: tuple[Language, ...]
    has_annotations: bool
    note: str

    def encode(self, spoken: str, language: str, max_tokens: int) -> EncodedText:
        """Segments of at most `max_tokens` tokens. Raises `TextError` where the model knows no letter of `spoken`."""


class SentencePieceEncoder:
    """IndexTTS-2: pieces of `bpe.model`, Chinese and English."""

    languages = TWO_LANGUAGES
    has_annotations = False
    note = ""

    def __init__(self, model_file: Path) -> None:
        self.tokenizer = TextTokenizer(model_file)

    def encode(self, spoken: str, language: str, max_tokens: int) -> EncodedText:
        """The vocabulary has one way to write a word in any language, so `language` changes nothing."""
        tokenized = self.tokenizer.encode(spoken)
        if not _knows_any_letter(tokenized):
            raise TextError(
                f"got {_short_repr(spoken)}, of which the voice model knows no character; IndexTTS-2 speaks Chinese "
                "and English, the demonstration voice English: write the text in one of them"
            )
        segments = split_segments(tokenized.pieces, max_tokens)
        return EncodedText(tuple(tuple(tokenized.ids[i] for i in part) for part in segments), tokenized.unknown)


class MultilingualEncoder:
    """IndexTTS-2.5: byte pairs, so that no character is unknown; the language is a token and a row."""

    languages = FIVE_LANGUAGES
    has_annotations = True

    def __init__(self, vocabulary_file: Path) -> None:
        self.tokenizer = MultilingualTokenizer(vocabulary_file)
        self.note = ""

    def encode(self, spoken: str, language: str, max_tokens: int) -> EncodedText:
        """`language`: one of `languages`, or "zh-en"."""
        name = _MIXED if language == "zh-en" else language
        written = self.write_text(spoken, language)
        return EncodedText(encode_segments(written, name, self.tokenizer, max_tokens), (), find_language_row(name))

    def write_text(self, spoken: str, language: str) -> str:
        """`spoken` in the case that the model was trained on; Japanese with spaces between its words."""
        if language == "ja":
            self.note = "" if can_split_words() else REMEDY
            return space_words(spoken.lower())
        return spoken.upper() if language == "es" else spoken if language == "ar" else spoken.lower()


def read_encoder(vocabulary_file: Path) -> SegmentEncoder:
    """The encoder for a model's vocabulary. Raises `CheckpointError` where the file is missing or damaged."""
    return (MultilingualEncoder if vocabulary_file.suffix == ".tiktoken" else SentencePieceEncoder)(vocabulary_file)


def _knows_any_letter(tokenized: TokenizedText) -> bool:
    unknown = set(tokenized.unknown)
    return any(c.isalnum() and c not in unknown for piece in tokenized.pieces for c in piece)


def _short_repr(text: str, limit: int = 60) -> str:
    text = show_annotations(text)
    return repr(text if len(text) <= limit else text[:limit] + "…")

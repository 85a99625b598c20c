"""Spoken text to the token ids of IndexTTS-2.5, over the `.tiktoken` vocabulary that comes with the weights.

A segment is `<|ja|> text`: the language's own token, a space, the text. Only the markers of annotations
(annotations.py) become special tokens beside it; whatever a user writes is text.
"""

import re
from itertools import chain
from pathlib import Path

from .annotations import MARKERS, show_hidden
from .language_table import SPECIAL_TOKENS
from .tiktoken_bpe import BytePairEncoding

_SENTENCE_ENDS = frozenset((0, 1))
"""Start and stop of the text. They are also the ids of `!` and `\\"`, which therefore never stand in it."""
_PARTS = re.compile(f"([{''.join(MARKERS)}])")


class MultilingualTokenizer:
    """Reads the `.tiktoken` file. Raises `CheckpointError` where it is missing or no vocabulary."""

    def __init__(self, vocabulary_file: Path) -> None:
        self._pairs = BytePairEncoding(vocabulary_file)
        self._special = {name: self._pairs.size + place for place, name in enumerate(SPECIAL_TOKENS)}
        self.size = self._pairs.size + len(SPECIAL_TOKENS)

    def encode_segment(self, text: str, language: str) -> tuple[int, ...]:
        """Token ids of one segment of `language`, without start and stop."""
        if language in self._special:
            return (self._special[language], *self.encode(f" {text}"))
        return self.encode(f"<|{language}|> {text}")

    def encode(self, text: str) -> tuple[int, ...]:
        """Token ids of `text`, in which readings stand as `keep_readings` leaves them."""
        ids = chain.from_iterable(map(self._encode_part, _PARTS.split(text)))
        return tuple(token for token in ids if token not in _SENTENCE_ENDS)

    def count_bytes(self, text: str) -> list[int]:
        """How many bytes of `text`, which holds no annotation, each of its tokens is, in order."""
        return self._pairs.count_bytes(text)

    def _encode_part(self, part: str) -> list[int]:
        return [self._special[MARKERS[part]]] if part in MARKERS else self._pairs.encode(show_hidden(part))

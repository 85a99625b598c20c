"""Byte pair encoding over a `.tiktoken` vocabulary: what is merged first is what stands first in the file.

A line is `base64 rank`. One line of the released file is `= rank`, the empty token: it has a rank and never matches.
"""

import re
import unicodedata
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from functools import lru_cache
from heapq import heapify, heappop, heappush
from pathlib import Path

from ..errors import CheckpointError

MAX_FILE_BYTES = 16_000_000
"""The released file has 0.9 MB."""
CACHED_WORDS = 16_384

# Over ASCII stand-ins, for `re` has no classes of Unicode's letters and numbers: A a letter, 0 a number, # the rest.
_WORDS = re.compile(r"'(?:[stmd]|re|ve|ll)| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")


class BytePairEncoding:
    """Text to ranks. Raises `CheckpointError` where the file is missing or is no such vocabulary."""

    def __init__(self, file: Path) -> None:
        self._ranks = read_ranks(file)
        self.size = len(self._ranks)
        self._encode_word = lru_cache(CACHED_WORDS)(self._merge_bytes)

    def encode(self, text: str) -> list[int]:
        """Ranks of `text`; whatever it holds is text."""
        return [rank for word in split_pretokens(text) for rank in self._encode_word(word)]

    def count_bytes(self, text: str) -> list[int]:
        """How many bytes of `text` each of its tokens is, in order."""
        return [size for word in split_pretokens(text) for size in map(len, self._merge_word(word))]

    def _merge_bytes(self, word: str) -> tuple[int, ...]:
        return tuple(self._ranks[token] for token in self._merge_word(word))

    def _merge_word(self, word: str) -> list[bytes]:
        """Neighbors merge into the token of the lowest rank, the leftmost first, in n log n steps."""
        data = word.encode("utf-8")
        if data in self._ranks:
            return [data]
        ends = list(range(1, len(data) + 1))  # where the part that begins here ends; 0 where none begins
        befores = list(range(-1, len(data) - 1))

        def rank_pair(start: int) -> tuple[int, int, int] | None:
            middle = ends[start]
            if middle == len(data):
                return None
            rank = self._ranks.get(data[start : ends[middle]])
            return None if rank is None else (rank, start, ends[middle])

        pairs = [pair for start in range(len(data)) if (pair := rank_pair(start))]
        heapify(pairs)
        while pairs:
            _, start, end = heappop(pairs)
            middle = ends[start]
            if not middle or middle == len(data) or ends[middle] != end:  # one of the two has merged since
                continue
            ends[start], ends[middle] = end, 0
            if end < len(data):
                befores[end] = start
            for begin in (befores[start], start):
                if begin >= 0 and (pair := rank_pair(begin)):
                    heappush(pairs, pair)
        return [data[start:end] for start, end in enumerate(ends) if end]


def split_pretokens(text: str) -> Iterator[str]:
    """What is encoded apart: a word, a number or marks, each with the space before it; joined, they are `text`."""
    shape = "".join(map(_stand_in, text))
    return (text[match.start() : match.end()] for match in _WORDS.finditer(shape))


@lru_cache(8192)
def _stand_in(character: str) -> str:
    if character.isascii():
        return character
    if character.isspace():
        return "\t"
    return {"L": "A", "N": "0"}.get(unicodedata.category(character)[0], "#")


def read_ranks(file: Path) -> dict[bytes, int]:
    """Token → rank. Raises `CheckpointError` for what is no vocabulary, naming the line."""
    if not file.is_file():
        raise CheckpointError(f"{file}: not found; expected the vocabulary released with IndexTTS-2.5")
    if file.stat().st_size > MAX_FILE_BYTES:
        raise CheckpointError(f"{file}: got {file.stat().st_size:,} bytes, expected at most {MAX_FILE_BYTES:,}")
    ranks: dict[bytes, int] = {}
    lines = file.read_bytes().splitlines()
    for number, line in enumerate(lines):
        token, _, rank = line.partition(b" ")
        if not rank.isdigit() or len(rank) > 9:
            raise CheckpointError(f"{file}, line {number + 1}: got {line[:40]!r}, expected `base64 rank`")
        ranks[_read_token(token, file, number)] = int(rank)
    missing = sum(bytes((byte,)) not in ranks for byte in range(256))
    if missing or sorted(ranks.values()) != list(range(len(lines))):
        got = f"{missing} of the 256 bytes missing" if missing else "a token or a rank twice"
        raise CheckpointError(f"{file}: got {got}, expected a whole vocabulary; download it again")
    return ranks


def _read_token(token: bytes, file: Path, number: int) -> bytes:
    try:
        return b"" if token == b"=" else b64decode(token, validate=True)
    except Base64Error as error:
        raise CheckpointError(f"{file}, line {number + 1}: got {token[:40]!r}, expected base64 ({error})") from error

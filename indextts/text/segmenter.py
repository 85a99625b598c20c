"""Long text into pieces the voice model can speak in one go.

A cut falls at a sentence end where the window holds one, else after a comma, else after a dash, else between words,
else wherever the window ends. Quotes that close a sentence stay with it.
"""

from collections.abc import Sequence
from itertools import accumulate

from .tokenizer import WORD_START

# How good a cut after this character is. Between words it is 1, inside a word 0.
_STRENGTH = dict.fromkeys(".!?…", 4) | dict.fromkeys(",;:", 3) | dict.fromkeys("-–—", 2)
_QUOTES = "'\""


def split_segments(pieces: Sequence[str], max_tokens: int = 120) -> list[range]:
    """Index ranges of `pieces`, each at most `max_tokens` long, none empty, that together cover every piece in order.

    Raises ValueError if `max_tokens` is below 1.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens is {max_tokens}, expected at least 1")
    strengths = _cut_strengths(pieces)
    segments, start = [], 0
    while len(pieces) - start > max_tokens:
        # The strongest cut that fits, and of those the last.
        end = max(range(start + 1, start + max_tokens + 1), key=lambda cut: (strengths[cut], cut))
        segments.append(range(start, end))
        start = end
    if start < len(pieces):
        segments.append(range(start, len(pieces)))
    return segments


def _cut_strengths(pieces: Sequence[str]) -> list[int]:
    """How good a cut right before each piece is."""
    text = "".join(pieces)
    opening, closing = _find_quotes(text)

    def cut_strength(start: int) -> int:
        if text[start : start + 1] != WORD_START and start not in opening:
            return 0
        if start + 1 in closing:
            return 0
        end = start - 1
        while end >= 0 and (text[end] == WORD_START or end in closing):
            end -= 1
        return _STRENGTH.get(text[end], 1) if end >= 0 else 0

    return [cut_strength(start) for start in accumulate((len(piece) for piece in pieces), initial=0)]


def _find_quotes(text: str) -> tuple[set[int], set[int]]:
    """Positions of the marks that open and that close a quote; the vocabulary has one mark for both."""
    opening: set[int] = set()
    closing: set[int] = set()
    is_open = False
    for i, mark in enumerate(text):
        if mark not in _QUOTES:
            continue
        after_word, before_word = _is_latin(text[i - 1 : i]), _is_latin(text[i + 1 : i + 2])
        if after_word and before_word:  # O'NEIL
            continue
        if before_word or not (is_open or after_word):
            opening.add(i)
            is_open = True
        else:  # also the possessive: THE DOGS' TAILS
            closing.add(i)
            is_open = False
    return opening, closing


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()

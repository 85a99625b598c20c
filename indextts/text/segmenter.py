"""Long text into segments the voice model can speak in one go.

Shortest path over all cuts (dynamic programming): no cut inside a word, no segment of a few tokens, which the voice
model drags out or says twice, segments of like length, and cuts at sentence ends, else after a comma, else after a
dash, else between words. Quotes that close a sentence stay with it.
"""

from collections.abc import Sequence
from enum import IntEnum
from itertools import accumulate

import numpy as np

from .tokenizer import WORD_START

TAIL = 6
"""Tokens; a segment this short is made only where every other split cuts a word. A limit below 48 lowers it."""
SHORT = 20
"""Tokens; a segment below is avoided at the price of a cut inside a sentence. A limit below 120 lowers it."""


class CutKind(IntEnum):
    """What ends where a segment is cut. GUESS: perhaps a word. INSIDE: none. NEVER: what no cut parts."""

    SENTENCE, CLAUSE, DASH, WORD, GUESS, INSIDE, NEVER = range(7)


_CUT_COSTS = np.array([0.0, 0.3, 0.45, 0.8, 1e3, 1e6, 1e12])
"""What a cut costs, by its kind. A segment of x times the limit costs 0.56 + x²: per token least at three quarters."""
_SEGMENT_COST, _SHORT_COST, _TAIL_COST = 0.5625, 10.0, 1e3

_KINDS = (
    dict.fromkeys(".!?…。！？؟", CutKind.SENTENCE)
    | dict.fromkeys(",;:，、；：،؛", CutKind.CLAUSE)
    | dict.fromkeys("-–—", CutKind.DASH)
)
MARKS = frozenset(_KINDS)
_QUOTES = "'\""
_ABBREVIATIONS = {
    "MR", "MRS", "MS", "DR", "PROF", "ST", "MT", "JR", "SR", "REV", "GEN", "COL", "CAPT", "LT", "SGT", "GOV", "REP",
    "HON", "INC", "LTD", "CO", "CORP", "VS", "ETC", "FIG", "VOL", "PP", "CF", "AL", "EST", "APPROX", "DEPT", "AVE",
    "BLVD",
}  # fmt: skip
"""Words whose dot ends no sentence; neither does the dot of a single letter, I aside."""
_LONGEST = 1 + max(map(len, _ABBREVIATIONS))


def split_segments(pieces: Sequence[str], max_tokens: int = 120) -> list[range]:
    """Index ranges of `pieces`, each at most `max_tokens` long, none empty, that together cover every piece in order.

    Text that fits stays whole. Raises ValueError if `max_tokens` is below 1.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens is {max_tokens}, expected at least 1")
    if len(pieces) <= max_tokens:
        return [range(len(pieces))] if pieces else []
    ends = _find_cheapest_ends(_CUT_COSTS[_classify_cuts(pieces)], _cost_lengths(max_tokens))
    return [range(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def find_cheapest_cuts(lengths: Sequence[int], kinds: Sequence[CutKind], max_tokens: int) -> list[int]:
    """Behind which units segments end, each at most `max_tokens` long.

    lengths: of each unit, in tokens, from 1 to `max_tokens`. kinds: of a cut before each unit.
    """
    starts = np.cumsum([0, *lengths])
    cuts = np.full(starts[-1] + 1, CutKind.NEVER)
    cuts[starts[:-1]] = kinds
    ends = _find_cheapest_ends(_CUT_COSTS[cuts], _cost_lengths(max_tokens))
    return [int(end) for end in np.searchsorted(starts, ends)]


def _find_cheapest_ends(cut_costs: np.ndarray, length_costs: np.ndarray) -> list[int]:
    """Where segments end, for the least sum of costs.

    cut_costs: of a cut before each piece, and behind the last. length_costs: of segments of 1, 2, … tokens.
    """
    limit, total = len(length_costs), len(cut_costs) - 1
    longest_first = length_costs[::-1]
    cheapest, starts = np.zeros(total + 1), np.zeros(total + 1, dtype=np.int64)
    for end in range(1, total + 1):
        first = max(0, end - limit)
        costs = cheapest[first:end] + longest_first[first - end :]
        best = len(costs) - 1 - int(costs[::-1].argmin())  # of two that cost the same, the shorter one
        starts[end] = first + best
        cheapest[end] = costs[best] + (cut_costs[end] if end < total else 0.0)
    ends = [total]
    while starts[ends[-1]]:
        ends.append(int(starts[ends[-1]]))
    return ends[::-1]


def _cost_lengths(max_tokens: int) -> np.ndarray:
    """What segments of 1, 2, … `max_tokens` tokens cost."""
    lengths = np.arange(1, max_tokens + 1)
    short = lengths < min(SHORT, max_tokens // 6)
    tail = lengths <= min(TAIL, max_tokens // 8)
    costs: np.ndarray = _SEGMENT_COST + (lengths / max_tokens) ** 2 + _SHORT_COST * short + _TAIL_COST * tail
    return costs


def _classify_cuts(pieces: Sequence[str]) -> np.ndarray:
    """The kind of a cut right before each piece, and behind the last."""
    text = "".join(pieces)
    opening, closing = find_quotes(text)
    before = classify_ends(text, closing)

    def classify_cut(start: int) -> CutKind:
        begins_word = text[start : start + 1] == WORD_START or start in opening
        return before[start] if begins_word and start + 1 not in closing else CutKind.INSIDE

    return np.array([classify_cut(start) for start in accumulate((len(piece) for piece in pieces), initial=0)])


def classify_ends(text: str, closing: set[int]) -> list[CutKind]:
    """What ends before each character and before the end of `text`: a sentence, a clause, a word; nothing at first."""
    kinds, word_start = [CutKind.INSIDE], 0
    for i, character in enumerate(text):
        if character == WORD_START or i in closing:
            kinds.append(kinds[-1])
        elif character == "." and _is_abbreviation(text[max(word_start, i - _LONGEST) : i]):
            kinds.append(CutKind.WORD)
        else:
            kinds.append(_KINDS.get(character, CutKind.WORD))
        if not character.isalnum() or character == WORD_START:
            word_start = i + 1
    return kinds


def _is_abbreviation(word: str) -> bool:
    return word.upper() in _ABBREVIATIONS or (len(word) == 1 and _is_latin(word) and word not in "Ii")


def find_quotes(text: str) -> tuple[set[int], set[int]]:
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

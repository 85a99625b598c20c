"""What was heard against what was to be said: words that were lost, said again, or added.

Both are aligned unit by unit with the fewest edits, gaps in one piece rather than in many (Gotoh 1982), so that words
that sound alike are the same and what is missing is a whole word.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from .pronunciation import Units, Word

LOST_SHARE = 0.6
"""A word is lost where at least so many of its units are."""
SAME_SHARE = 0.75
"""Units are a repetition where so many are those right before or right behind."""
ADDED_UNITS = 6
"""So many units in a row that nothing asked for are added words; fewer may be misheard."""

_EDIT, _GAP, _OTHER_WORD = 100, 10, 1
"""What a unit too many, too few or of another sound costs, a gap beside its units, and a sound of another word."""
_NEVER = 10**9
_MATCH, _DELETE, _INSERT, _DELETE_ON, _INSERT_ON = 1, 2, 4, 8, 16
"""How a cell is best reached, and whether its gap goes on from the cell before."""


@dataclass(frozen=True)
class Hearing:
    """How a take was heard. score: 1 where every unit was heard as asked, 0 where none was."""

    score: float
    lost: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        return not (self.lost or self.repeated or self.added)

    def describe_faults(self) -> str:
        """What was lost, said twice or added, in words; "" where nothing was."""
        faults = {"lost": self.lost, "said twice": self.repeated, "added": self.added}
        return "; ".join(f"{name}: {' '.join(words)}" for name, words in faults.items() if words)


@dataclass(frozen=True)
class _Units:
    """All units of a text in order, and of which word each is. words: by their place."""

    units: Units
    owners: tuple[int, ...]
    words: tuple[str, ...]

    @classmethod
    def join_words(cls, words: Sequence[Word]) -> "_Units":
        units = tuple(unit for word in words for unit in word.units)
        owners = tuple(i for i, word in enumerate(words) for _ in word.units)
        return cls(units, owners, tuple(word.text for word in words))

    def name_words(self, places: Sequence[int]) -> tuple[str, ...]:
        """The words that have units at `places`."""
        return tuple(self.words[owner] for owner in dict.fromkeys(self.owners[place] for place in places))


def compare_words(wanted: Sequence[Word], heard: Sequence[Word]) -> Hearing:
    """What is missing in `heard` of `wanted`, and what is in it beside."""
    asked, found = _Units.join_words(wanted), _Units.join_words(heard)
    deleted, inserted, edits = _align_units(asked, found)
    gone = [0] * len(wanted)
    for place in deleted:
        gone[asked.owners[place]] += 1
    lost = tuple(word.text for word, n in zip(wanted, gone, strict=True) if n and n >= LOST_SHARE * len(word.units))
    repeated, added = _judge_insertions(found.units, inserted)
    score = max(0.0, 1 - edits / max(1, len(asked.units)))
    return Hearing(score, lost, found.name_words(repeated), found.name_words(added))


def _judge_insertions(units: Sequence[str], inserted: Sequence[int]) -> tuple[list[int], list[int]]:
    """Places of what is said again, and of what is added; a few units that are neither are left out."""
    repeated: list[int] = []
    added: list[int] = []
    for _, group in groupby(enumerate(inserted), key=lambda pair: pair[1] - pair[0]):
        run = [place for _, place in group]
        start, end, length = run[0], run[-1] + 1, len(run)
        before, behind = units[max(0, start - length) : start], units[end : end + length]
        if any(_share_same(units[start:end], other) >= SAME_SHARE for other in (before, behind)):
            repeated += run
        elif length >= ADDED_UNITS:
            added += run
    return repeated, added


def _share_same(units: Sequence[str], others: Sequence[str]) -> float:
    return sum(a == b for a, b in zip(units, others, strict=False)) / len(units)


def _align_units(asked: _Units, found: _Units) -> tuple[list[int], list[int], int]:
    """Places of `asked` that nothing in `found` is aligned to, places of `found` likewise, and how many edits."""
    found_units, found_words = np.array(found.units), np.array([found.words[owner] for owner in found.owners])
    steps = _EDIT * np.arange(len(found.units) + 1)
    best = steps + _GAP * (steps > 0)
    deleting = np.full(len(steps), _NEVER)
    ways = np.zeros((len(asked.units) + 1, len(steps)), dtype=np.uint8)
    ways[0, 1:] = _INSERT | _INSERT_ON * (steps[1:] > _EDIT)
    for i, (unit, owner) in enumerate(zip(asked.units, asked.owners, strict=True), start=1):
        costs = np.where(found_units == unit, _OTHER_WORD * (found_words != asked.words[owner]), _EDIT)
        matching = np.concatenate([[_NEVER], best[:-1] + costs])
        goes_on = deleting < best + _GAP
        deleting = np.minimum(deleting, best + _GAP) + _EDIT
        either = np.minimum(matching, deleting)
        lowest = np.minimum.accumulate(either - steps)  # an insertion of any length from the best place to begin it
        best = np.minimum(either, np.concatenate([[_NEVER], lowest[:-1] + _GAP + steps[1:]]))
        ways[i] = np.where(best == matching, _MATCH, np.where(best == deleting, _DELETE, _INSERT))
        ways[i] |= np.where(goes_on, _DELETE_ON, 0).astype(np.uint8)
        ways[i, 2:] |= np.where(lowest[1:-1] == lowest[:-2], _INSERT_ON, 0).astype(np.uint8)
    return *_trace_gaps(ways), int(best[-1]) // _EDIT


def _trace_gaps(ways: np.ndarray) -> tuple[list[int], list[int]]:
    """The deleted rows and inserted columns on the best way to the last cell, from the first."""
    deleted: list[int] = []
    inserted: list[int] = []
    i, j = ways.shape[0] - 1, ways.shape[1] - 1
    gap = 0
    while i or j:
        way = int(ways[i, j])
        step = gap or way & (_MATCH | _DELETE | _INSERT)
        if step == _MATCH:
            i, j = i - 1, j - 1
        elif step == _DELETE:
            i, gap = i - 1, _DELETE if way & _DELETE_ON else 0
            deleted.append(i)
        else:
            j, gap = j - 1, _INSERT if way & _INSERT_ON else 0
            inserted.append(j)
    return deleted[::-1], inserted[::-1]

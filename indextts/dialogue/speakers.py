"""Who a label means: names as they are, whatever their case, and numbered speakers under all their spellings."""

import difflib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from .rows import clean_name

LIKE_ENOUGH = 0.8
"""Likeness from which on an unknown name is a known one misspelled, and not a word of the text."""
SUGGESTED = 0.55

_NUMBERED = re.compile(r"(?:speaker|说话人|说话者|发言人|s)[\s_#-]{0,9}0*(\d{1,9})", re.IGNORECASE)
LONGEST_NAME = 120
_ANY_NUMBER = re.compile(r"\s{0,40}((?:speaker|说话人|说话者|发言人|s)[\s_#-]{0,9}\d+)\s{0,9}[:：]", re.IGNORECASE)


def speaker_number(name: str) -> int | None:
    """N of SpeakerN, speaker N, S-N, 说话人N; None for other names."""
    match = _NUMBERED.fullmatch(fold_name(name)) if len(name) <= LONGEST_NAME else None
    return int(match.group(1)) if match else None


def numbered_label(text: str, position: int) -> str | None:
    """SpeakerN with a number of any length, where it stands before a colon at offset `position`."""
    match = _ANY_NUMBER.match(text, position)
    return match[1] if match else None


class Speakers:
    """The speakers of a script: the ones given, or whoever appears where `names` is None.

    Where no given name has a number, `Speaker2` is the second of them.

    known: further names, by which somebody may be called where anybody may.
    """

    def __init__(self, names: Iterable[str] | None, known: Iterable[str] = ()) -> None:
        self.names = None if names is None else tuple(names)
        given = (*(self.names or ()), *known)
        self._by_name = {fold_name(name): name for name in given}
        numbered = ((speaker_number(name), name) for name in given)
        self._by_number = {number: name for number, name in numbered if number is not None}
        if not self._by_number:
            self._by_number = dict(enumerate(self.names or (), start=1))
        self._nearest = lru_cache(4096)(self._find_nearest)

    @property
    def is_lone(self) -> bool:
        """Whether there is one voice, and nobody else that a label could name."""
        return self.names is not None and len(self.names) == 1

    def find_speaker(self, label: str) -> str | None:
        """The canonical name of a known speaker, as it stands there where no names were given. None for others."""
        found = self._by_name.get(fold_name(label))
        if found is not None:
            return found if self.names is not None else " ".join(label.split())
        number = speaker_number(label)
        return None if number is None else self._by_number.get(number)

    def admit_speaker(self, label: str) -> str | None:
        """Like `find_speaker`; where no names were given, everyone is known and numbered ones are called SpeakerN."""
        found = self.find_speaker(label)
        if found is not None or self.names is not None:
            return found
        number = speaker_number(label)
        return " ".join(label.split()) if number is None else f"Speaker{number}"

    def nearest_speaker(self, label: str, likeness: float = SUGGESTED) -> str | None:
        """The known name that `label` is most like, from `likeness` on, 1 being the same."""
        return self._nearest(label, likeness) if len(label) <= LONGEST_NAME else None

    def _find_nearest(self, label: str, likeness: float) -> str | None:
        found = difflib.get_close_matches(fold_name(label), self._by_name, n=1, cutoff=likeness)
        return self._by_name[found[0]] if found else None

    def list_names(self) -> str:
        """The names, for an error message."""
        return ", ".join(self.names or ()) or "none"


def fold_name(name: str) -> str:
    """`name` as it is compared: whatever its case, width and spaces."""
    return _fold_cached(name) if len(name) <= LONGEST_NAME else _fold(name)


def _fold(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", clean_name(name)).casefold().split())


_fold_cached = lru_cache(4096)(_fold)

"""Names on rows of their own, above what is said: `ANNA` of a screenplay, `### Anna`, `Anna 0:05` of a meeting."""

import re
from collections import Counter
from collections.abc import Sequence

from .label_heads import name_before_clock
from .prose import opens_prose
from .rows import Row
from .speakers import Speakers, fold_name

_PARENTHETICAL = re.compile(r"(?<=\S)\s{0,9}[(（][^()（）]{1,40}[)）]$")
_CAPITALS = re.compile(r"[^\W\d_a-z][^\W\d_a-z' ]{1,30}")
_NAME = re.compile(r"[\u3040-\u9fff]{1,8}|[^\W\d_a-z][\w'.-]{0,20}(?: [^\W\d_a-z][\w'.-]{0,20}){0,3}")
_LONGEST = 120


def find_name_rows(rows: Sequence[Row], speakers: Speakers) -> dict[int, str]:
    """The names that stand alone, by the number of their row.

    Where anybody may speak, capitals are names where one returns, and what stands before a clock where two do.
    """
    known: dict[int, str] = {}
    capitals: dict[int, str] = {}
    timed: dict[int, str] = {}
    for place, row in enumerate(rows):
        if not row.text.strip() or len(row.text) > _LONGEST:
            continue
        below = place + 1 < len(rows) and bool(rows[place + 1].text.strip())
        begins = below and (place == 0 or not rows[place - 1].text.strip())
        name = strip_name(row.text)
        if (begins or row.text.lstrip().startswith("#")) and speakers.find_speaker(name) is not None:
            known[row.number] = name
        elif begins and _CAPITALS.fullmatch(name) and name.isupper() and not opens_prose(name):
            capitals[row.number] = name
        elif below and (before := name_before_clock(row.text, 0)) and _NAME.fullmatch(before):
            timed[row.number] = before
    if speakers.names is None:
        returns = any(count > 1 for count in Counter(map(fold_name, capitals.values())).values())
        known |= (capitals if returns else {}) | (timed if len(timed) > 1 else {})
    return known


def strip_name(text: str) -> str:
    """A row without the marks around a name, and without the brackets behind it: `ANNA (V.O.)`."""
    return _PARENTHETICAL.sub("", text.strip(" \t*_#")).strip(" *_:：")

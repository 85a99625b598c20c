"""Own readings: which terms of a text are read as their user says.

A term is found as a whole word: no letter or digit beside a Latin edge, so AI is in "AI行业" and not in "again".
Chinese has no spaces, so a Chinese term is found everywhere. Upper and lower case are the same, but where two terms
differ only by them, or an entry says `case: exact`. The longest term wins.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache

from .characters import fold_characters
from .language import Language
from .spoken_spans import Read, SpokenSpans

Reading = str | Mapping[str, str]
"""How a term is read: in both languages, or {"zh": reading, "en": reading, "case": "exact"}, any of them."""

EXACT = "exact"
_LETTER = "[0-9A-Za-z\u00c0-\u024f\u0621-\u064a]"
_BEGINS_LATIN, _ENDS_LATIN = re.compile(_LETTER), re.compile(f"{_LETTER}$")


def list_present(entries: Mapping[str, Reading], text: str) -> list[tuple[str, Reading]]:
    """The entries whose term is somewhere in `text`, whatever its case and company."""
    lowered = fold_characters(text).lower()
    return [(term, reading) for term, reading in entries.items() if fold_characters(term).lower() in lowered]


class Glossary:
    """Finds the terms of `entries` in a text."""

    def __init__(self, entries: Mapping[str, Reading]) -> None:
        self.entries = dict(sorted(entries.items(), key=lambda entry: -len(entry[0])))
        spellings = Counter(map(str.lower, entries))
        self._exact = {term for term, reading in entries.items() if spellings[term.lower()] > 1 or _says_exact(reading)}

    def speak_terms(self, spans: SpokenSpans, language: Language, speak: Callable[[str], str]) -> None:
        """Every term in `spans` that has a reading in `language` is spoken as `speak` says that reading."""
        text, lowered = spans.text, spans.text.lower()
        for term, entry in self.entries.items():
            present = term in text if term in self._exact else term.lower() in lowered
            reading = entry if isinstance(entry, str) else entry.get(language)
            if present and reading:
                spans.speak_matches(_compile_term(term, term in self._exact), _always(speak(reading)))


def _always(spoken: str) -> Read:
    return lambda _: spoken


def _says_exact(reading: Reading) -> bool:
    return not isinstance(reading, str) and reading.get("case") == EXACT


@lru_cache(1024)
def _compile_term(term: str, is_exact: bool) -> re.Pattern[str]:
    begins, ends = _BEGINS_LATIN.match(term), _ENDS_LATIN.search(term)
    before = f"(?<!{_LETTER})" if begins else ""
    behind = f"(?!{_LETTER})" if ends else ""
    before += r"(?<![0-9][.,])" if term[0].isdecimal() else ""
    behind += r"(?![.,][0-9])" if term[-1].isdecimal() else ""
    return re.compile(f"{before}{re.escape(term)}{behind}", 0 if is_exact else re.IGNORECASE)

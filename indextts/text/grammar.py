"""wetext's Chinese text normalization grammar (weighted finite-state transducers), which here always has an answer.

wetext raises on input that its grammar has no path for, and may answer with nothing. Giving up there would leave every
number of the text unread, so the text is tried again in smaller pieces. What is only words is not asked about.
"""

import logging
import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any

from .sentences import split_for_grammar

CACHED_PARTS = 4096
"""In the LRU cache: of a text that was edited only what is new is read again."""

logger = logging.getLogger(__name__)

# wetext escapes these two inside its own notation and leaves the escapes in what it says.
_ESCAPED = re.compile(r'\\(["\\])')
_NUMBER_OR_REST = re.compile(r"\d(?:[\d.,:/]*\d)?|\D+")


class Grammar:
    """Numbers, dates, units and symbols into words. Loads its transducers on first use."""

    def __init__(self) -> None:
        self._read_cached = lru_cache(CACHED_PARTS)(self._read_part)

    def verbalize(self, text: str) -> str:
        """`text` with everything written out; words the grammar cannot read stay as written, with a warning."""
        parts = split_for_grammar(text)
        return "".join(self._verbalize_part(part) if is_needed else part for part, is_needed in parts)

    def _verbalize_part(self, part: str) -> str:
        inside = part.strip()
        start = part.index(inside)
        return part[:start] + self._read_cached(inside) + part[start + len(inside) :]

    def _read_part(self, text: str) -> str:
        spoken = self._verbalize_exactly(text)
        if spoken is not None:
            return spoken
        logger.info("no reading for %r as a whole; reading it word by word", text)
        return " ".join(part for word in text.split() for part in self._verbalize_word(word))

    def _verbalize_word(self, word: str) -> Iterator[str]:
        spoken = self._verbalize_exactly(word)
        if spoken is not None:
            yield spoken
            return
        for part in _NUMBER_OR_REST.findall(word):
            spoken = self._verbalize_exactly(part)
            if spoken is None:
                logger.warning("no reading for %r; it stays as written", part)
            yield part if spoken is None else spoken

    def _verbalize_exactly(self, text: str) -> str | None:
        try:
            spoken = _ESCAPED.sub(r"\1", self._wetext_normalizer.normalize(text))
        except Exception as error:  # wetext asserts and indexes its way out of input it has no path for
            logger.debug("wetext cannot read %r: %r", text, error)
            return None
        return None if text.strip() and not spoken.strip() else spoken

    @cached_property
    def _wetext_normalizer(self) -> Any:
        from wetext import Normalizer

        return Normalizer(lang="zh", operator="tn", remove_erhua=False)

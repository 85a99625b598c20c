"""A rule of reading: a pattern, what its matches are spoken as, and examples that a test runs."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .spoken_spans import Read, SpokenSpans

DIGITS = "0123456789"


@dataclass(frozen=True)
class Rule:
    """`read` gets what `pattern` finds.

    needs: characters of which a text holds one where the rule finds anything; most texts hold none, which is cheap to
    know. "": every text is searched. final: what `read` gives is spoken; otherwise the grammar reads it.
    examples: texts and how the whole of each is spoken.
    """

    name: str
    pattern: re.Pattern[str]
    read: Read
    needs: str = ""
    final: bool = True
    examples: Sequence[tuple[str, str]] = ()


def match_any(words: str | Iterable[str]) -> str:
    """A pattern for any of the words, the longest first; a string is words with spaces between."""
    listed = words.split() if isinstance(words, str) else words
    return f"(?:{'|'.join(re.escape(word) for word in sorted(listed, key=len, reverse=True))})"


def apply_rules(spans: SpokenSpans, rules: Iterable[Rule]) -> None:
    """Every rule in turn on what the ones before it left."""
    characters = set(spans.text)
    for rule in rules:
        if not rule.needs or not characters.isdisjoint(rule.needs):
            (spans.speak_matches if rule.final else spans.rewrite_matches)(rule.pattern, rule.read)

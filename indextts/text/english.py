"""English: what is written short, and what of it the number grammar must not touch."""

import re

from .grammar import Grammar
from .protected_spans import ProtectedSpans

_CONTRACTION = re.compile(r"(?<![a-z])(it|s?he|this|that|t?here|who|what|which|where|how)'s(?![a-z])", re.IGNORECASE)


def expand_contractions(text: str) -> str:
    """`it's` and its like as two words; a possessive stays."""
    return _CONTRACTION.sub(r"\1 is", text)


def verbalize_english(text: str, grammar: Grammar) -> str:
    """`text` with everything written out in English; the hyphens of terms stay."""
    spans = ProtectedSpans(text)
    return spans.restore_spans(grammar.verbalize(spans.protect_hyphens(text)))

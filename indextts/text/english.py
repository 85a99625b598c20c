"""English: what is read by rules of its own, and then by the number grammar."""

from .english_rules import ENGLISH_RULES
from .grammar import Grammar
from .rule import apply_rules
from .spoken_spans import SpokenSpans


def verbalize_english(spans: SpokenSpans, grammar: Grammar) -> str:
    """The text of `spans` with everything written out in English."""
    apply_rules(spans, ENGLISH_RULES)
    spans.keep_term_hyphens()
    return spans.join_spans(grammar.verbalize)

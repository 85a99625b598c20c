"""Mandarin: what is read by rules of its own, and then by the number grammar."""

from .characters import strip_accents
from .chinese_rules import CHINESE_RULES
from .grammar import Grammar
from .rule import apply_rules
from .spoken_spans import SpokenSpans


def verbalize_chinese(spans: SpokenSpans, grammar: Grammar) -> str:
    """The text of `spans` with everything written out in Mandarin."""
    spans.text = strip_accents(spans.text, kept="üÜ")  # pinyin has it
    apply_rules(spans, CHINESE_RULES)
    return spans.join_spans(grammar.verbalize)

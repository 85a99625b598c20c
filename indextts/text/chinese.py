"""Mandarin: what is read by rules of its own, and then by the number grammar."""

from dataclasses import replace

from .annotations import hide_syllable, join_syllables
from .characters import strip_accents
from .chinese_rules import CHINESE_RULES
from .grammar import Grammar
from .rule import apply_rules
from .spoken_spans import SpokenSpans

_ANNOTATING_RULES = tuple(
    replace(rule, read=lambda match: hide_syllable(match.group())) if rule.name == "pinyin" else rule
    for rule in CHINESE_RULES
)


def verbalize_chinese(spans: SpokenSpans, grammar: Grammar, annotations: bool = False) -> str:
    """The text of `spans` with everything written out in Mandarin.

    annotations: pinyin is spoken as an annotation has it, not as a word of the vocabulary.
    """
    spans.text = strip_accents(spans.text, kept="üÜ")  # pinyin has it
    apply_rules(spans, _ANNOTATING_RULES if annotations else CHINESE_RULES)
    return join_syllables(spans.join_spans(grammar.verbalize))

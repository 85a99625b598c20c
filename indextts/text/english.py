"""English: read by rules alone, which end with every number and every sign."""

import re

from .characters import strip_accents
from .english_rules import ENGLISH_RULES
from .rule import apply_rules
from .spoken_spans import SpokenSpans

_GAPS = re.compile(" {2,}")
_LOOSE_MARKS = re.compile(r"(?<! ) +(?=[,.!?;:](?!\w))")


def verbalize_english(spans: SpokenSpans) -> str:
    """The text of `spans` with everything written out in English."""
    spans.text = strip_accents(spans.text)
    apply_rules(spans, ENGLISH_RULES)
    return _GAPS.sub(" ", _LOOSE_MARKS.sub("", spans.join_spans(str)))

"""Spanish: read by rules alone, which end with every number and sign."""

import re

from .rule import apply_rules
from .spanish_rules import SPANISH_RULES
from .spoken_spans import SpokenSpans

_GAPS = re.compile(" {2,}")


def verbalize_spanish(spans: SpokenSpans) -> str:
    """The text of `spans` with everything written out in Spanish."""
    apply_rules(spans, SPANISH_RULES)
    return _GAPS.sub(" ", spans.join_spans(str))

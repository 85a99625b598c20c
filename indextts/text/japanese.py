"""Japanese: read by rules alone, which end with every number and sign."""

import re
import unicodedata

from .japanese_rules import JAPANESE_RULES
from .rule import apply_rules
from .spoken_spans import SpokenSpans

_HALF_WIDTH = re.compile("[\uff66-\uff9f]+")


def verbalize_japanese(spans: SpokenSpans) -> str:
    """The text of `spans` with everything written out in Japanese, katakana of half width in full."""
    spans.text = _HALF_WIDTH.sub(lambda run: unicodedata.normalize("NFKC", run.group()), spans.text)
    apply_rules(spans, JAPANESE_RULES)
    return spans.join_spans(str)

"""Arabic: read by rules alone, which end with every number and sign."""

import re

from .arabic_rules import ARABIC_RULES
from .rule import apply_rules
from .spoken_spans import SpokenSpans

_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "0123456789" * 2)
_MARKS = str.maketrans({"٪": "%", "٫": ".", "٬": ","})
_PERCENT_BEFORE = re.compile(r"%(\d{1,3}(?:\.\d{1,3})?)(?![\d.]*%)")
_STRETCH = re.compile("(?<=[\u0621-\u064a])\u0640{1,200}")
_GAPS = re.compile(" {2,}")


def verbalize_arabic(spans: SpokenSpans) -> str:
    """The text of `spans` with everything written out in Arabic, without the strokes that only stretch a word."""
    text = _STRETCH.sub("", spans.text.translate(_DIGITS).translate(_MARKS))
    spans.text = _PERCENT_BEFORE.sub(r"\1%", text)
    apply_rules(spans, ARABIC_RULES)
    return _GAPS.sub(" ", spans.join_spans(str))

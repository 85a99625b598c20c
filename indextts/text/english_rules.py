"""What English text is read by, in this order, before the number grammar reads the rest."""

import re

from .rule import Rule

_CONTRACTION = re.compile(r"(?<![a-z])(it|s?he|this|that|t?here|who|what|which|where|how)'s(?![a-z])", re.IGNORECASE)

ENGLISH_RULES = (
    Rule(
        "contractions",
        _CONTRACTION,
        lambda match: f"{match[1]} is",
        needs="'",
        final=False,
        examples=[("It's Goethe's work, who's there?", "It is Goethe's work, who is there?")],
    ),
)

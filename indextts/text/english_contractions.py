"""English contractions: what the voice speaks better written out, unless it is short for something else."""

import re

from .rule import Rule

_CONTRACTION = re.compile(r"(?<![a-z])(it|s?he|this|that|t?here|who|what|which|where|how)'s(?![a-z])", re.IGNORECASE)
_PERFECT = re.compile(
    r"(?: [a-z'’]+){0,4}? (?:[a-z]{2,}ed|been|had|got|gotten|gone|come|become|begun|broken|brought|built|caught|chosen"
    r"|cut|done|drawn|drunk|driven|eaten|fallen|felt|forgotten|found|fought|flown|given|grown|heard|held|hidden|hit|kept|known"
    r"|led|left|lost|made|meant|met|paid|put|read|ridden|risen|run|said|seen|sent|set|shown|shut|slept|sold|spent|spoken"
    r"|stood|stolen|struck|sung|swum|taken|taught|thought|thrown|told|torn|understood|won|worn|written)\b",
    re.IGNORECASE,
)


def _expand_contraction(match: re.Match[str]) -> str | None:
    """It's is "it is", but for "it has", which a participle tells: those are spoken as they are written."""
    return None if _PERFECT.match(match.string, match.end()) else f"{match[1]} is"


CONTRACTION_RULES = (
    Rule(
        "contractions",
        _CONTRACTION,
        _expand_contraction,
        needs="'",
        final=False,
        examples=[
            ("It's Goethe's work, who's there?", "It is Goethe's work, who is there?"),
            ("It's been long. What's happened?", "It's been long. What's happened?"),
        ],
    ),
)

"""Whether the stop of an abbreviation also ends its sentence."""

import re

_NEXT_SENTENCE = re.compile(r"[\"'”’)\]]*(?:\s*\Z|[^\S\n]+(?=[A-Z\"“‘(])(?![A-Z]{2,5}\b)|\n)")


def keep_stop(match: re.Match[str], end: int | None = None) -> str:
    """A stop where a match (or what of it stands before `end`) ends in one and its sentence too, else nothing."""
    end = match.end() if end is None else end
    return "." if match.string[end - 1 : end] == "." and _NEXT_SENTENCE.match(match.string, end) else ""

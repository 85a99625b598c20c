"""What is understood of a script while it is written: its lines, or what is wrong and where."""

import re
from typing import Any

from ..indextts.dialogue.casting import parse_dialogue
from ..indextts.dialogue.script import parse_script
from ..indextts.errors import ScriptError

MOST_LETTERS = 1_000_000
MOST_SHOWN = 500
_PLACE = re.compile(r"^line (?P<line>\d+)(?:, column (?P<column>\d+))?: ")


def check_script(text: str, count: int | None = None) -> dict[str, Any]:
    """Lines and speakers of a script for `count` voices (None: for anyone), or its fault with line and column."""
    if len(text) > MOST_LETTERS:
        return {"speakers": [], "lines": [], "count": 0}
    try:
        lines = parse_script(text) if count is None else parse_dialogue(text, count, {}, "raise num_speakers").lines
    except ScriptError as error:
        return {"fault": describe_fault(str(error))}
    shown = [{"speaker": line.speaker, "text": line.text, "source_line": line.source_line} for line in lines]
    return {
        "speakers": list(dict.fromkeys(line.speaker for line in lines)),
        "lines": shown[:MOST_SHOWN],
        "count": len(lines),
    }


def describe_fault(message: str) -> dict[str, Any]:
    """Line and column of an error's words, where they begin with them."""
    place = _PLACE.match(message)
    line, column = (int(place[part] or 0) for part in ("line", "column")) if place else (0, 0)
    return {"message": message, "line": line, "column": column}

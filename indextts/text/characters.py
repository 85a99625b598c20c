"""Unicode, the first layer: one character for all that look alike or stand for the same."""

import re

# What no reader sees: control and formatting characters, private planes. Line breaks and tabs stay.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ue000-\uf8ff\ufe00-\ufe0f\ufeff"
    "\U000f0000-\U0010ffff]"
)


def fold_characters(text: str) -> str:
    """`text` without control characters, zero-width characters and lone surrogates; a no-break space is a space."""
    readable = text.encode("utf-8", "ignore").decode("utf-8")
    return _INVISIBLE.sub("", readable.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " "))

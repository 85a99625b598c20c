"""Pauses as a script writes them: `-0.8s-`, `[pause:2]`, `[pause:500ms]`, `<pause=0.5>`, `<break time="500ms"/>`."""

import re

LONGEST_SECONDS = 60.0

NUMBER = r"(?:\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})"
"""A number as a script may write it: bounded, so that reading stays linear whatever a row holds."""

_KEYWORD = re.compile(r"(?:pause|break|wait|silence|停顿|暂停)(?![^\W\d_])", re.IGNORECASE)
_DURATION = re.compile(rf"({NUMBER})\s{{0,9}}(ms|毫秒|s|sec|secs|seconds?|秒)?", re.IGNORECASE)


def is_pause(content: str) -> bool:
    """Whether a tag's content begins with a word for pause."""
    return _KEYWORD.match(content) is not None


def read_pause(content: str) -> float | None:
    """Seconds of a tag's content such as `pause:500ms` or `break time="1s"/`; None where it is no pause.

    Raises ValueError, in words for the user, where it is a pause without a duration or one longer than a minute.
    """
    keyword = _KEYWORD.match(content)
    if not keyword:
        return None
    value = content[keyword.end() :].strip(" :=：/\t")
    value = re.sub(r"^(?:time|duration)\s*[=:]", "", value).strip(" \"'“”")
    return read_duration(value)


def read_duration(value: str) -> float:
    """Seconds of `2`, `0.8s` or `500ms`. Raises ValueError on anything else and on more than a minute."""
    match = _DURATION.fullmatch(value.strip())
    if not match:
        raise ValueError(f"got the duration {value[:40]!r}, expected seconds or milliseconds such as 2, 0.8s or 500ms")
    number, unit = float(match.group(1)), (match.group(2) or "s").lower()
    seconds = number / 1000 if unit in ("ms", "毫秒") else number
    if seconds > LONGEST_SECONDS:
        raise ValueError(f"got a pause of {seconds:g} s, expected at most {LONGEST_SECONDS:g}; milliseconds end in ms")
    return seconds

"""Placeholders for spans that the number grammars must not read, such as the 3 of `DE3` or the hyphen of `GPT-5`."""

import re
from collections.abc import Callable

TERM = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)+")
"""Words and numbers joined by hyphens, a letter first: GPT-5-nano, state-of-the-art; not 135-4567-8900."""

# A placeholder's number is written in letters: the grammars would read digits aloud.
_DIGITS, _LETTERS = "0123456789", "abcdefghij"
_TO_LETTERS, _TO_DIGITS = str.maketrans(_DIGITS, _LETTERS), str.maketrans(_LETTERS, _DIGITS)


class ProtectedSpans:
    """Swaps spans for placeholders like `<keepb>` that the grammars pass on as they are, and swaps them back."""

    def __init__(self, text: str) -> None:
        # A placeholder the user happens to have written himself must not be taken for one of ours.
        self._prefix = "keep"
        while f"<{self._prefix}" in text:
            self._prefix += "x"
        self._kept: list[str] = []

    def protect_matches(self, text: str, pattern: re.Pattern[str], spelling: Callable[[str], str] = str) -> str:
        """Hide every match of `pattern`; `spelling` says how it will be written when it comes back."""
        return pattern.sub(lambda match: self._add_placeholder(spelling(match.group())), text)

    def protect_hyphens(self, text: str) -> str:
        """Hide the hyphens inside terms; the numbers between them are still read."""
        return TERM.sub(lambda match: match.group().replace("-", f"<{self._prefix}>"), text)

    def restore_spans(self, text: str) -> str:
        """Swap every placeholder back. The English grammar puts spaces around hyphens; those go."""
        text = re.sub(rf"\s*<{self._prefix}>\s*", "-", text)
        numbered = rf"<{self._prefix}([a-j]+)>"
        return re.sub(numbered, lambda match: self._kept[int(match.group(1).translate(_TO_DIGITS))], text)

    def _add_placeholder(self, kept: str) -> str:
        self._kept.append(kept)
        return f"<{self._prefix}{str(len(self._kept) - 1).translate(_TO_LETTERS)}>"

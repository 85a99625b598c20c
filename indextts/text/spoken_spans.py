"""A text of which parts are spoken already, so that no later rule and no grammar reads them again.

Each such part stands in the text as one character of a private plane, which no reader writes and no rule looks for.
Whatever is left between them goes to the grammar at the end.
"""

import re
from collections.abc import Callable

_FIRST, _LAST = 0xF0000, 0xFFFFD
_PLACEHOLDER = re.compile(f"[{chr(_FIRST)}-{chr(_LAST)}]")

Read = Callable[[re.Match[str]], str | None]
"""What a match is spoken as; None leaves it as it stands."""


class SpokenSpans:
    """`text`: what is left to read, with placeholders. It holds none of them before: `fold_characters` drops them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._spoken: list[str] = []

    def speak_matches(self, pattern: re.Pattern[str], read: Read) -> None:
        """What `pattern` finds is spoken as `read` says; a match may hold parts that are spoken already."""
        self.text = pattern.sub(lambda match: self._keep_span(match, read(match)), self.text)

    def rewrite_matches(self, pattern: re.Pattern[str], read: Read) -> None:
        """What `pattern` finds is written otherwise, and still to be read."""
        self.text = pattern.sub(lambda match: _or_match(match, read(match)), self.text)

    def join_spans(self, verbalize: Callable[[str], str]) -> str:
        """The whole as it is spoken, what is left as `verbalize` says; words that meet are set apart."""
        whole: list[str] = []
        end = 0
        for match in _PLACEHOLDER.finditer(self.text):
            _append_apart(whole, _verbalize_inside(self.text[end : match.start()], verbalize))
            _append_apart(whole, self._expand_span(match))
            end = match.end()
        _append_apart(whole, _verbalize_inside(self.text[end:], verbalize))
        return "".join(whole)

    def _keep_span(self, match: re.Match[str], spoken: str | None) -> str:
        if spoken is None or len(self._spoken) > _LAST - _FIRST:
            return _or_match(match, spoken)
        self._spoken.append(spoken)
        return chr(_FIRST + len(self._spoken) - 1)

    def _expand_span(self, match: re.Match[str]) -> str:
        return _PLACEHOLDER.sub(self._expand_span, self._spoken[ord(match.group()) - _FIRST])


def _or_match(match: re.Match[str], written: str | None) -> str:
    return match.group() if written is None else written


def _verbalize_inside(text: str, verbalize: Callable[[str], str]) -> str:
    """What the grammar makes of `text` between the spaces around it, which it would drop."""
    inside = text.strip()
    if not inside:
        return text
    start = text.index(inside)
    return text[:start] + verbalize(inside) + text[start + len(inside) :]


def _append_apart(whole: list[str], part: str) -> None:
    if whole and part and _is_latin(whole[-1][-1]) and _is_latin(part[0]):
        whole.append(" ")
    if part:
        whole.append(part)


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()

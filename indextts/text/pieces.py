"""Text of any length into pieces of bounded length, which is all that rules and grammars ever read at a time."""

import re
from collections.abc import Iterator

MAX_PIECE = 1000
"""Characters; what grammars take grows faster than their text."""

_CUTS = tuple(
    map(
        re.compile,
        (
            r"(?<![A-Z][a-z])(?<![A-Z][a-z]{2})[.!?…]['\")\]]*\s+|[。！？；…]+|\n+",  # a sentence, not Dr.
            r"(?<=[a-z]{2}),?\s+(?=[a-z]{2})|(?<=[\u4e00-\u9fff]{2})[，、]?(?=[\u4e00-\u9fff]{2})",  # beside no number
            r"\s+",
        ),
    )
)
"""Where a cut falls, the best first."""


def split_pieces(text: str, limit: int = MAX_PIECE) -> Iterator[str]:
    """Pieces of at most `limit` characters that together are `text`; a cut falls where it does least harm.

    That is behind a sentence, else between two words, else behind a space, else where the window ends.
    """
    start = 0
    while len(text) - start > limit:
        end = _find_cut(text, start, start + limit)
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def _find_cut(text: str, start: int, end: int) -> int:
    for pattern in _CUTS:
        cut = max((match.end() for match in pattern.finditer(text, start, end)), default=start)
        if cut > start:
            return cut
    return end

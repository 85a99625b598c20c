"""What the Chinese number grammar need not read, and in what parts it reads the rest.

It takes tens of microseconds a character, twice as long where a text is long, and most sentences hold nothing but
words, which it leaves as they stand.
"""

import re
from collections.abc import Iterator
from itertools import accumulate, groupby
from operator import itemgetter

MAX_SENTENCE = 200
"""Characters; a longer sentence is read in parts."""

_PLAIN = re.compile("[\u4e00-\u9fff，。！？、：；…“”]")
"""Characters that the grammar leaves as they stand, whatever stands beside them."""
_CONTEXT = 8
"""Characters on either side that the grammar sees with those it reads: 下午3点25平方公里."""

_SENTENCE_END = re.compile("(?<=[。！？；…\n])(?![。！？；…”’」』\n])")
_BETWEEN_WORDS = re.compile("(?<=[\u4e00-\u9fff]{4})(?=[\u4e00-\u9fff])|(?<=，)|(?<=[a-z]{2}) +(?=[a-z]{2})")


def split_for_grammar(text: str) -> Iterator[tuple[str, bool]]:
    """Parts of `text`, each with whether the grammar has to read it; joined, they are `text`.

    What it reads has the words around it that may belong to it.
    """
    told = [0, *accumulate(_PLAIN.fullmatch(character) is None for character in text)]
    needed = (told[min(i + _CONTEXT + 1, len(text))] > told[max(i - _CONTEXT, 0)] for i in range(len(text)))
    for is_needed, group in groupby(zip(needed, text, strict=True), key=itemgetter(0)):
        part = "".join(character for _, character in group)
        if is_needed:
            yield from ((sentence, True) for sentence in split_sentences(part))
        else:
            yield part, False


def split_sentences(text: str, limit: int = MAX_SENTENCE) -> Iterator[str]:
    """Sentences of `text`, and parts of those longer than `limit`; joined, they are `text`.

    A part ends between two words, never beside a number, and is longer than `limit` where there is no such place.
    """
    for sentence in _split_at(text, _SENTENCE_END):
        part = ""
        for word in _split_at(sentence, _BETWEEN_WORDS) if len(sentence) > limit else [sentence]:
            if part and len(part) + len(word) > limit:
                yield part
                part = ""
            part += word
        yield part


def _split_at(text: str, boundary: re.Pattern[str]) -> Iterator[str]:
    """Parts of `text` that end where `boundary` does."""
    start = 0
    for match in boundary.finditer(text):
        if match.end() > start:
            yield text[start : match.end()]
            start = match.end()
    if start < len(text):
        yield text[start:]

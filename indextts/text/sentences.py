"""What a number grammar need not read, and in what parts it reads the rest.

Grammars take tens of microseconds a character, twice as long where a text is long, and most sentences hold nothing
but words, which they leave as they stand.
"""

import re
from collections.abc import Iterator
from itertools import accumulate, groupby
from operator import itemgetter

from .language import Language

MAX_SENTENCE = 200
"""Characters; a longer sentence is read in parts."""

_COMMON = (
    "I A O The He She It We You They And But So In On At To Yes This That What When Who Why How Then Now Not For If Or "
    "As My His Her Our Do Did Is Was Are Can Oh Ah Well Go All One Two Let Me Hi Hey"
).replace(" ", "|")
_WORD = rf"(?:[a-z]+|[A-Z][a-z]{{4,}}|{_COMMON})(?:['’-][a-z]+)*"  # a short name may be read as an acronym: Ufo
_TOKEN = {"en": re.compile(r"\S+\s*"), "zh": re.compile(r".", re.DOTALL)}
_PLAIN = {
    "en": re.compile(rf"['\"“‘(]*(?:{_WORD})?[,;:.!?…'\"”’)—-]*\s*"),
    "zh": re.compile("[\u4e00-\u9fff，。！？、：；…“”]"),
}
"""Tokens that a grammar leaves as they stand, whatever stands beside them."""
_CONTEXT = {"en": 3, "zh": 8}
"""Tokens on either side that a grammar sees with those it reads: May the 5, 10 square miles, 下午3点25平方公里."""

_SENTENCE_END = {
    "en": re.compile(r"(?<=[a-z]{3}[.!?…])['\"”’)]*\s+(?=['\"“‘(]*[A-Z])"),
    "zh": re.compile("(?<=[。！？；…\n])(?![。！？；…”’」』\n])"),
}
_BETWEEN_WORDS = {
    "en": re.compile(r"(?<=[a-z]{2}) +(?=[a-z]{2})"),
    "zh": re.compile("(?<=[\u4e00-\u9fff]{4})(?=[\u4e00-\u9fff])|(?<=，)|(?<=[a-z]{2}) +(?=[a-z]{2})"),
}


def split_for_grammar(text: str, language: Language) -> Iterator[tuple[str, bool]]:
    """Parts of `text`, each with whether a grammar has to read it; joined, they are `text`.

    What it reads has the words around it that may belong to it.
    """
    tokens = _TOKEN[language].findall(text)
    told = [0, *accumulate(_PLAIN[language].fullmatch(token) is None for token in tokens)]
    reach = _CONTEXT[language]
    needed = (told[min(i + reach + 1, len(tokens))] > told[max(i - reach, 0)] for i in range(len(tokens)))
    for is_needed, group in groupby(zip(needed, tokens, strict=True), key=itemgetter(0)):
        part = "".join(token for _, token in group)
        if is_needed:
            yield from ((sentence, True) for sentence in split_sentences(part, language))
        else:
            yield part, False


def split_sentences(text: str, language: Language, limit: int = MAX_SENTENCE) -> Iterator[str]:
    """Sentences of `text`, and parts of those longer than `limit`; joined, they are `text`.

    A part ends between two words, never beside a number, and is longer than `limit` where there is no such place.
    """
    for sentence in _split_at(text, _SENTENCE_END[language]):
        part = ""
        for word in _split_at(sentence, _BETWEEN_WORDS[language]) if len(sentence) > limit else [sentence]:
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

"""How a regular expression is built, so that a test can say that it is linear."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

try:
    from re import _constants as sre
    from re import _parser as sre_parser
except ImportError:  # before Python 3.11
    import sre_constants as sre
    import sre_parse as sre_parser

ALPHABET = [*map(chr, range(32, 127)), *"\n\t\u3000：｜【】（）「」♪，。中é０"]


def single(node: Any) -> Any:
    """The one character class that a repeat repeats, as a parsed pattern; None for anything longer."""
    return node if len(node) == 1 and node[0][0] in (sre.IN, sre.LITERAL, sre.NOT_LITERAL, sre.ANY) else None


def letters_of(node: Any) -> set[str]:
    """Which letters of the alphabet a character class matches."""
    kind, value = node[0]
    if kind is sre.ANY:
        return set(ALPHABET) - {"\n"}
    if kind in (sre.LITERAL, sre.NOT_LITERAL):
        return {letter for letter in ALPHABET if (ord(letter) == value) == (kind is sre.LITERAL)}
    negated = value[0][0] is sre.NEGATE
    return {letter for letter in ALPHABET if negated != any(in_class(letter, part) for part in value)}


def in_class(letter: str, part: Any) -> bool:
    kind, value = part
    if kind is sre.LITERAL:
        return ord(letter) == value
    if kind is sre.RANGE:
        return value[0] <= ord(letter) <= value[1]
    if kind is sre.CATEGORY:
        shorthand = {"SPACE": r"\s", "DIGIT": r"\d", "WORD": r"\w"}[str(value).rsplit("_", 1)[-1]]
        return (re.fullmatch(shorthand, letter) is not None) != ("NOT" in str(value))
    return False


def repeats(node: Any, inside: bool = False) -> Iterator[tuple[bool, Any]]:
    """Every repeat without a bound, and whether it stands inside another."""
    for kind, value in node:
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            endless = value[1] == sre.MAXREPEAT
            if endless:
                yield inside, value[2]
            yield from repeats(value[2], inside or endless)
        elif kind is sre.SUBPATTERN:
            yield from repeats(value[-1], inside)
        elif kind is sre.BRANCH:
            for branch in value[1]:
                yield from repeats(branch, inside)


def sequences(node: Any) -> Iterator[list[Any]]:
    """Every sequence of a pattern, groups opened."""
    flat: list[Any] = []
    for kind, value in node:
        if kind is sre.SUBPATTERN:
            inner = list(sequences(value[-1]))
            flat += inner[0]
            yield from inner[1:]
        elif kind is sre.BRANCH:
            flat.append((kind, value))
            for branch in value[1]:
                yield from sequences(branch)
        else:
            flat.append((kind, value))
    yield flat


def beginnings(node: Any) -> Iterator[list[Any]]:
    """The sequences that a match may begin with."""
    items = list(node)
    if items and items[0][0] is sre.SUBPATTERN:
        yield from beginnings(items[0][1][-1])
    elif items and items[0][0] is sre.BRANCH:
        for branch in items[0][1][1]:
            yield from beginnings(branch)
    elif items:
        yield items


def is_endless(item: Any) -> bool:
    return item[0] in (sre.MAX_REPEAT, sre.MIN_REPEAT) and item[1][1] == sre.MAXREPEAT


def assert_linear(pattern: re.Pattern[str], is_anchored: bool = False) -> None:
    """No repeat without a bound fights with another, nor scans to the end from every place of a search.

    is_anchored: the pattern is only ever matched at one place, so that it may begin with what is repeated.
    """
    tree = sre_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)
    for inside, repeated in repeats(tree):
        assert not inside, "an endless repeat inside another"
        assert single(repeated) is not None, "an endless repeat of more than a character"
    for sequence in sequences(tree):
        endless = [item for item in sequence if is_endless(item)]
        for first, second in pairwise(endless):
            between = sequence[sequence.index(first) + 1 : sequence.index(second)]
            optional = all(item[0] in (sre.MAX_REPEAT, sre.MIN_REPEAT) and item[1][0] == 0 for item in between)
            shared = letters_of(first[1][2]) & letters_of(second[1][2])
            assert not (optional and shared), f"{first} and {second} may both take {shared}"
    if not is_anchored:
        for sequence in beginnings(tree):
            assert not is_endless(sequence[0]) or len(sequence) == 1, "a search begins endless"
            if sequence[0][0] is sre.LITERAL and len(sequence) > 1 and is_endless(sequence[1]):
                assert chr(sequence[0][1]) not in letters_of(sequence[1][1][2]), "every place scans to the end"

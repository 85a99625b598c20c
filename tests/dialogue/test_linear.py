"""Reading a script is linear in its length: shown by how its patterns are built, and by texts made to be slow."""

import contextlib
import importlib
import pkgutil
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from indextts2_multitalk.indextts import dialogue
from indextts2_multitalk.indextts.dialogue.casting import parse_dialogue
from indextts2_multitalk.indextts.dialogue.script import parse_script
from indextts2_multitalk.indextts.errors import ScriptError

try:
    from re import _constants as sre
    from re import _parser as sre_parser
except ImportError:  # before Python 3.11
    import sre_constants as sre
    import sre_parse as sre_parser

ANCHORED = {"labels._BRACKETED", "phrases._CLOSING"}
"""Patterns that are only ever matched at one place, so that they may begin with what is repeated."""
ALPHABET = [*map(chr, range(32, 127)), *"\n\t\u3000：｜【】（）「」♪，。中é０"]


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    for module in pkgutil.iter_modules(dialogue.__path__):
        found = importlib.import_module(f"{dialogue.__name__}.{module.name}")
        for name, value in vars(found).items():
            if isinstance(value, re.Pattern):
                yield f"{module.name}.{name}", value


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


@pytest.mark.parametrize(
    ("name", "pattern"), list(patterns()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_no_repeat_fights_with_another(name: str, pattern: re.Pattern[str]) -> None:
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
    if name not in ANCHORED:
        for sequence in beginnings(tree):
            assert not is_endless(sequence[0]) or len(sequence) == 1, "a search begins endless"
            if sequence[0][0] is sre.LITERAL and len(sequence) > 1 and is_endless(sequence[1]):
                assert chr(sequence[0][1]) not in letters_of(sequence[1][1][2]), "every place scans to the end"


N = 100_000
HOSTILE = {
    "spaces in an angle": "<Anna" + " " * N + ">x",
    "attributes without an end": "<Anna" + " a=“" * (N // 4) + ">x",
    "digits in a pause": "Anna: [pause:" + "1" * N + "q]x",
    "dashes and digits": "Anna: -" + "1" * N + " x",
    "dashes": "Anna: " + "-1s" * (N // 3),
    "digits in brackets": "Anna: [" + "1" * N + "]x",
    "numbers in brackets": "Anna: [" + "1 " * (N // 2) + "]x",
    "spaces behind an emotion": "Anna: [happy" + " " * N + "x]",
    "spaces before a colon": "Anna: [a" + " " * N + ":x]",
    "brackets that open": "Anna: " + "[" * N,
    "brackets that pair": "Anna: " + "[x" * (N // 2) + "]",
    "angles that open": "Anna: " + "<a" * (N // 2),
    "round ones that open": "(" * N + ": x",
    "quotes that open": "「" * N,
    "letters without a colon": "a" * N,
    "letters before a colon": "a" * N + ": x",
    "emotions": "Anna: " + "[happy] a " * (N // 10),
    "labels in a row": "[S1] a " * (N // 7),
    "bold": "*" * N + "Anna: x",
    "bars": "Anna|" + "|" * N,
    "arrows": ">" * N + " Anna: x",
    "SRT without ends": "1\n00:00:01,000 --> 00:00:02,000\n" + "(" * N,
    "music": "1\n00:00:01,000 --> 00:00:02,000\nHi " + "♪ x " * (N // 4),
    "overrides": "1\n00:00:01,000 --> 00:00:02,000\nHi " + "{\\x" * (N // 3),
    "tags": "1\n00:00:01,000 --> 00:00:02,000\nHi " + "<i" * (N // 2),
    "cues": "".join(f"{i}\n00:00:01,000 --> 00:00:02,000\nAnna: hi\n\n" for i in range(N // 40)),
    "blank rows": "Anna: hi" + "\n" * N + "x",
    "LRC times": "[00:01.00]" * (N // 10) + "x",
    "a digit too many": "1" * N + "00:00:01,000 --> 00:00:03,500\nhi",
    "a speaker's number": "S" + "1" * N + ": hi",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("speakers", [["Anna"], ["Speaker1", "Anna"], None])
def test_hostile_text_is_read_or_refused(text: str, speakers: list[str] | None) -> None:
    with contextlib.suppress(ScriptError):
        assert parse_script(text, speakers, skip_sound_cues=speakers is None)


def test_a_long_script_looks_at_each_row_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Openings are read once a row, however many rows there are, and names counted at most once a row."""
    from indextts2_multitalk.indextts.dialogue import labels, script

    counted = {"opening": 0, "head": 0}
    read_opening, folded_head = labels.LabelReader.read_opening, script.folded_head

    def count_opening(self: Any, row: Any) -> Any:
        counted["opening"] += 1
        return read_opening(self, row)

    def count_head(row: Any) -> Any:
        counted["head"] += 1
        return folded_head(row)

    monkeypatch.setattr(labels.LabelReader, "read_opening", count_opening)
    monkeypatch.setattr(script, "folded_head", count_head)
    rows = [f"{name}: line {number}, [happy] well." for number in range(5000) for name in ("Anna", "Ben", "Note")]
    assert len(parse_dialogue("\n".join(rows), 3, {}, "").lines) == 2 * len(rows)
    assert counted["opening"] == len(rows)
    assert counted["head"] <= len(rows)

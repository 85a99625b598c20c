"""Reading a script is linear in its length: shown by how its patterns are built, and by texts made to be slow."""

import contextlib
import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.patterns import assert_linear
from indextts2_multitalk.indextts import dialogue
from indextts2_multitalk.indextts.dialogue.casting import parse_dialogue
from indextts2_multitalk.indextts.dialogue.script import parse_script
from indextts2_multitalk.indextts.errors import ScriptError

ANCHORED = {"labels._BRACKETED", "phrases._CLOSING"}
"""Patterns that are only ever matched at one place, so that they may begin with what is repeated."""


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    for module in pkgutil.iter_modules(dialogue.__path__):
        found = importlib.import_module(f"{dialogue.__name__}.{module.name}")
        for name, value in vars(found).items():
            if isinstance(value, re.Pattern):
                yield f"{module.name}.{name}", value


@pytest.mark.parametrize(
    ("name", "pattern"), list(patterns()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_no_repeat_fights_with_another(name: str, pattern: re.Pattern[str]) -> None:
    assert_linear(pattern, is_anchored=name in ANCHORED)


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
    "joiners": "Anna: " + "[\u2060" * (N // 2),
    "noncharacters": "Anna: " + "\ufdd0" * N + "x",
    "accents": "Anna: a" + "\u0301" * N + "b",
    "backslashes": "Anna: " + "\\" * N,
    "colons": "Anna" + ":" * N,
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

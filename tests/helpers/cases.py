"""Small inputs and what is right, from a file of the form of `tests/cases/text_and_scripts.json`.

Each case has `input`, `right`, perhaps `also_right`, a `kind`, and a `check` that says which call answers it.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from indextts2_multitalk.indextts.dialogue.script import parse_script
from indextts2_multitalk.indextts.dialogue.timeline import assemble_timeline
from indextts2_multitalk.indextts.errors import IndexTTSError
from indextts2_multitalk.indextts.records import Line, Take
from indextts2_multitalk.indextts.text.language import choose_languages
from indextts2_multitalk.indextts.text.normalizer import TextNormalizer

COMMITTED = Path(__file__).parents[1] / "cases" / "text_and_scripts.json"
KNOWN = COMMITTED.with_name("known.txt")
"""Ids of committed cases that are not right yet; one a row. It only gets shorter."""
SILENCE = "<silence>"
DEFAULT_SILENCE_SECONDS = 0.5
TIMELINE_RATE = 1000


@dataclass(frozen=True)
class Case:
    id: str
    kind: str
    check: str
    input: Any
    right: Any
    also_right: list[Any] = field(default_factory=list)
    speakers: list[str] | None = None

    def answer(self) -> Any:
        """What the pack makes of the input; a refusal is an answer too, as text."""
        try:
            return CHECKS[self.check][0](self)
        except IndexTTSError as error:
            return f"{type(error).__name__}: {error}"

    def accepts(self, answer: Any) -> bool:
        same = CHECKS[self.check][1]
        return any(same(answer, right) for right in (self.right, *self.also_right))


def read_cases(file: Path) -> list[Case]:
    """The cases of a JSON file; keys that say why a case is there are for people."""
    known = Case.__dataclass_fields__.keys()
    entries = json.loads(file.read_text(encoding="utf-8"))
    return [Case(**{key: value for key, value in entry.items() if key in known}) for entry in entries]


def read_known() -> set[str]:
    return set(KNOWN.read_text(encoding="utf-8").split())


@lru_cache(maxsize=1)
def _normalizer() -> TextNormalizer:
    return TextNormalizer()


def _normalize(case: Case) -> str:
    return _normalizer().normalize(case.input)


def _speak_lines(lines: Sequence[Line]) -> list[str]:
    """Each line's text as it is spoken, all in the languages that they are read in together."""
    texts = [line.text for line in lines]
    spoken = map(_normalizer().normalize, texts, choose_languages(texts))
    return [text if any(letter.isalnum() for letter in text) else SILENCE for text in spoken]


def _read_script(case: Case) -> list[list[Any]]:
    lines = parse_script(case.input, case.speakers)
    return [
        [line.speaker, text, *([] if line.start_seconds is None else [line.start_seconds])]
        for line, text in zip(lines, _speak_lines(lines), strict=True)
    ]


def _read_times(case: Case) -> list[list[Any]]:
    lines = parse_script(case.input, case.speakers or ["A"])
    return [[text, line.start_seconds] for line, text in zip(lines, _speak_lines(lines), strict=True)]


def _place_takes(case: Case) -> list[float]:
    takes = [
        Take(
            Line(place, "A", "a", start_seconds=start),
            torch.zeros(1, round(seconds * TIMELINE_RATE)),
            (),
            TIMELINE_RATE,
        )
        for place, (start, seconds) in enumerate(case.input)
    ]
    return [cue.start for cue in assemble_timeline(takes, DEFAULT_SILENCE_SECONDS).cues]


def _read_glossary(case: Case) -> str:
    return TextNormalizer(case.input["glossary"]).normalize(case.input["text"])


def _same_letters(answer: Any, right: str) -> bool:
    """Spaces and case do not count; `lower` keeps ligatures, which `casefold` would write out."""
    return "".join(answer.split()).lower() == "".join(right.split()).lower()


def _same_values(answer: Any, right: Any) -> bool:
    """Numbers to the millisecond, all else exactly."""
    if isinstance(right, list):
        return isinstance(answer, list) and len(answer) == len(right) and all(map(_same_values, answer, right))
    if isinstance(right, float | int):
        return isinstance(answer, float | int) and abs(answer - right) < 1e-3
    return bool(answer == right)


CHECKS: dict[str, tuple[Callable[[Case], Any], Callable[[Any, Any], bool]]] = {
    "normalize": (_normalize, _same_letters),
    "script": (_read_script, _same_values),
    "script_times": (_read_times, _same_values),
    "timeline_starts": (_place_takes, _same_values),
    "glossary": (_read_glossary, _same_values),
}
"""What a case's `check` calls, and how its answer is compared."""

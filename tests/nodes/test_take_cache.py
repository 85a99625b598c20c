"""Finished takes are found again by all that decides their sound, and by nothing else."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from indextts2_multitalk.indextts.options import SpeakOptions
from indextts2_multitalk.indextts.records import Audio, Emotion, Line, Take, Voice
from indextts2_multitalk.s2mel.solver import uniform_schedule

VOICE = Voice("A", Audio(torch.arange(8.0)[None] / 8, 16000))
LINE = Line(0, "A", "Hello.", voice=VOICE, emotion=Emotion("vector", vector=(0.5,) + (0.0,) * 7), seed=7)


@pytest.fixture
def key(pack: SimpleNamespace) -> Any:
    usual, reference = pack.settings.ModelSettings(), SpeakOptions()

    def make_key(
        line: Line = LINE, settings: Any = usual, options: Any = reference, glossary: Any = None, schedule: Any = None
    ) -> Any:
        return pack.take_cache.take_key(line, settings, options, glossary, schedule)

    return make_key


def test_place_and_neighbours_do_not_matter(key: Any) -> None:
    assert key() == key(replace(LINE, index=5, source_line=9, pause_after=2.0))
    copied = replace(LINE, voice=Voice("B", Audio(VOICE.audio.samples.clone(), 16000)))
    assert key() == key(copied)


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Hello!"},
        {"speed": 1.1},
        {"seed": 8},
        {"emotion": None},
        {"emotion": Emotion("vector", vector=(0.4,) + (0.0,) * 7)},
        {"emotion": Emotion("audio", audio=VOICE.audio)},
        {"voice": Voice("A", VOICE.audio, boost=True)},
        {"voice": Voice("A", Audio(VOICE.audio.samples, 8000))},
        {"voice": Voice("A", Audio(VOICE.audio.samples + 1e-3, 16000))},
    ],
)
def test_everything_heard_matters(key: Any, change: dict[str, Any]) -> None:
    assert key() != key(replace(LINE, **change))


def test_settings_matter(key: Any, pack: SimpleNamespace) -> None:
    assert key() != key(settings=pack.settings.ModelSettings(use_accel=False))
    assert key() != key(options=SpeakOptions(steps=10))


def test_what_auto_has_come_to_matters(key: Any) -> None:
    """Before and after a calibration, and after another one."""
    assert len({key(), key(schedule=uniform_schedule(25)), key(schedule=uniform_schedule(9))}) == 3
    assert key(schedule=uniform_schedule(9)) == key(schedule=uniform_schedule(9))


def test_own_readings_matter_where_their_term_stands(key: Any) -> None:
    assert key() == key(glossary={"AI": "A I"}) == key(options=SpeakOptions(glossary="AI: A I"))
    assert key() != key(glossary={"hello": "hallo"})
    assert key(glossary={"hello": "hallo"}) != key(glossary={"hello": "halloo"})


def test_the_cache_is_bounded_and_keeps_what_is_used(pack: SimpleNamespace) -> None:
    take_cache = pack.take_cache.TakeCache(max_bytes=4 * 100 * 2)
    for name in ("first", "second"):
        take_cache.put(name, Take(LINE, torch.zeros(1, 100), ()))
    other = replace(LINE, index=3)
    kept = take_cache.get("first", other)
    assert kept is not None
    assert kept.line is other
    take_cache.put("third", Take(LINE, torch.zeros(1, 100), ()))
    assert [take_cache.get(name, LINE) is not None for name in ("first", "second", "third")] == [True, False, True]

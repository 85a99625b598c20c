"""Finished takes are found again by all that decides their sound, and by nothing else."""

from dataclasses import replace
from pathlib import Path
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


@pytest.fixture
def store(pack: SimpleNamespace, tmp_path: Path) -> Any:
    return pack.take_store.TakeStore(tmp_path / "takes", max_bytes=200_000)


def make_take(samples: int = 2000, **more: Any) -> Take:
    return Take(LINE, torch.randn(1, samples), (torch.arange(5), torch.arange(3)), **more)


def test_takes_on_disk_come_back_whole(store: Any) -> None:
    take = make_take(notes=("cut",), changes=("left out [door]",), spoken="hello")
    assert store.put(("key", 1.5), take)
    found = store.get(("key", 1.5), replace(LINE, index=9))
    assert found is not None and found.line.index == 9
    assert torch.equal(found.waveform, take.waveform)
    assert all(torch.equal(*pair) for pair in zip(found.codes, take.codes, strict=True))
    assert (found.notes, found.changes, found.spoken) == (("cut",), ("left out [door]",), "hello")
    assert store.get(("key", 1.6), LINE) is None


def test_the_store_is_bounded_and_keeps_what_is_used(store: Any) -> None:
    for number in range(20):
        store.put(number, make_take(10_000))
        assert store.get(0, LINE) is not None or number >= 19
    files = list(store.folder.iterdir())
    assert sum(file.stat().st_size for file in files) <= 200_000
    assert store.get(19, LINE) is not None and store.get(1, LINE) is None


@pytest.mark.parametrize("damage", [b"", b"\xff" * 100, b"\x02\x00\x00\x00\x00\x00\x00\x00{}"])
def test_a_damaged_file_is_a_take_less(store: Any, damage: bytes) -> None:
    store.put("key", make_take())
    (file,) = store.folder.iterdir()
    file.write_bytes(damage)
    assert store.get("key", LINE) is None
    assert not file.exists()


def test_a_folder_that_cannot_be_written_costs_nothing(pack: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = pack.take_store.TakeStore(tmp_path / "file" / "takes")
    cache = pack.take_cache.TakeCache(store=store)
    cache.put("key", make_take(), on_disk=True)
    cache.drop_stored()
    assert cache.get("key", LINE) is not None, "it stays in RAM"


def test_ram_is_given_back_and_the_disk_remembers(pack: SimpleNamespace, store: Any) -> None:
    cache = pack.take_cache.TakeCache(store=store)
    cache.put("both", make_take(), on_disk=True)
    cache.put("ram", make_take())
    cache.drop_stored()
    assert cache.get("both", LINE) is None
    assert cache.get("both", LINE, on_disk=True) is not None
    assert cache.get("ram", LINE) is not None
    assert pack.take_cache.TakeCache(store=store).get("both", LINE, on_disk=True) is not None, "another server"


def test_other_weights_are_another_take(key: Any, pack: SimpleNamespace) -> None:
    settings = pack.settings.ModelSettings()
    make = pack.take_cache.take_key
    keys = {make(LINE, settings, SpeakOptions(), weights=stamp) for stamp in ("", "one", "other")}
    assert len(keys) == 3


@pytest.mark.parametrize("alpha", [0.0, 0.5, 2.0])
def test_the_strength_of_an_emotion_matters(key: Any, alpha: float) -> None:
    assert LINE.emotion is not None
    assert key() != key(replace(LINE, emotion=replace(LINE.emotion, alpha=alpha)))


def test_a_line_keeps_the_language_that_its_neighbours_told(pack: SimpleNamespace) -> None:
    """For it is spoken anew without them."""
    lines = [Line(i, "Anna", text) for i, text in enumerate(["¿Qué hora es?", "20:30", "Buenas noches, Ana."])]
    spoken = pack.settings.spoken_languages(pack.settings.ModelSettings(model_dir="demo"))
    assert spoken == ("zh", "en")
    five = (*spoken, "ja", "es", "ar")
    assert [line.language for line in pack.run.settle_languages(lines, "auto", five)] == ["es"] * 3
    assert [line.language for line in pack.run.settle_languages(lines[1:2], "auto", five)] == ["zh"]
    assert [line.language for line in pack.run.settle_languages(lines, "es", five)] == [None] * 3
    named = [replace(lines[0], language="en")]
    assert [line.language for line in pack.run.settle_languages(named, "auto", five)] == ["en"]

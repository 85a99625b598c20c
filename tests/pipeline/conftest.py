"""A seeded model in the released layout, loaded by the real path, and voices to speak with."""

from pathlib import Path

import pytest
from helpers.released_folder import write_released_folder
from helpers.tones import tone
from indextts2_multitalk.indextts.options import LoadOptions, SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import Audio, Line, Voice
from indextts2_multitalk.indextts.seeds import seed_lines


@pytest.fixture(scope="session")
def released_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_released_folder(tmp_path_factory.mktemp("released"))


@pytest.fixture(scope="session", params=[False, True], ids=["plain", "accel"])
def pipeline(released_folder: Path, request: pytest.FixtureRequest) -> Pipeline:
    return Pipeline.load(released_folder, LoadOptions(device="cpu", use_accel=request.param))


@pytest.fixture(scope="session")
def options() -> SpeakOptions:
    return SpeakOptions(max_codes=30, steps=3)


@pytest.fixture(scope="session")
def voices() -> dict[str, Voice]:
    return {name: Voice(name, Audio(tone(hz), 16000)) for name, hz in (("Ann", 220.0), ("Bob", 110.0))}


@pytest.fixture
def lines(voices: dict[str, Voice]) -> list[Line]:
    script = [("Ann", "Hello there."), ("Bob", "Good morning, how are you?"), ("Ann", "Fine, thanks.")]
    spoken = [Line(i, name, text, i + 1, voices[name]) for i, (name, text) in enumerate(script)]
    return seed_lines(spoken, 7)


def codes_of(takes: list) -> list[list[list[int]]]:
    return [[codes.tolist() for codes in take.codes] for take in takes]


@pytest.fixture(scope="session")
def codes():
    """The codes of takes as plain lists, to compare."""
    return codes_of

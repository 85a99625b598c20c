"""The demonstration voice, its two speakers and what they say: sentences that training never heard.

INDEXTTS_DEMO=FOLDER pytest tests/voice    tests another export than the one that comes with the pack
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from indextts2_multitalk.indextts.audio_file import read_audio
from indextts2_multitalk.indextts.loading.layouts import DEMO_FOLDER
from indextts2_multitalk.indextts.options import LoadOptions, SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import Emotion, Line, Voice
from indextts2_multitalk.training.listening import to16
from indextts2_multitalk.training.sentences import held_out_sentences

SPEAKERS = ("anna", "ben")
TEXTS = held_out_sentences()[2:50:6]
"""Eight of the fifty, spoken by the two in turn; 76 words."""

DEFAULTS = SpeakOptions()


@dataclass(frozen=True, eq=False)
class Saying:
    """One spoken line. wav16: float32 [N] at 16 kHz."""

    text: str
    speaker: str
    wav16: np.ndarray


Speaking = Callable[..., list[Saying]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if (model() / "gpt.safetensors").is_file():
        return
    absent = pytest.mark.skip(reason=f"no demonstration voice in {model()}")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(absent)


def model() -> Path:
    return Path(os.environ.get("INDEXTTS_DEMO", DEMO_FOLDER))


@pytest.fixture(scope="session")
def folder() -> Path:
    return model()


@pytest.fixture(scope="session")
def references() -> dict[str, Voice]:
    return {name: Voice(name, read_audio(DEMO_FOLDER / "voices" / f"{name}.flac"), boost=True) for name in SPEAKERS}


@pytest.fixture(scope="session")
def pipeline(folder: Path) -> Pipeline:
    return Pipeline.load(folder, LoadOptions(device="cpu"))


@pytest.fixture(scope="session")
def speak(references: dict[str, Voice]) -> Speaking:
    """Texts by the two speakers in turn, every line with a seed of its own; by default options, or those given."""

    def spoken(
        pipeline: Pipeline,
        texts: Sequence[str],
        emotion: Emotion | None = None,
        options: SpeakOptions = DEFAULTS,
    ) -> list[Saying]:
        names = [SPEAKERS[number % len(SPEAKERS)] for number in range(len(texts))]
        lines = [
            Line(number, name, text, number + 1, references[name], emotion, seed=number)
            for number, (name, text) in enumerate(zip(names, texts, strict=True))
        ]
        takes = pipeline.speak(lines, options)
        return [
            Saying(take.line.text, take.line.speaker, to16(take.waveform[0].numpy(), take.sample_rate))
            for take in takes
        ]

    return spoken


@pytest.fixture(scope="session")
def sayings(pipeline: Pipeline, speak: Speaking) -> list[Saying]:
    """Every text, without an emotion, on the engine."""
    return speak(pipeline, TEXTS)

"""Speech that needs no synthesizer: hums whose pitch and spectrum stand for speakers and phones, as shards."""

import random
from pathlib import Path

import numpy as np
import pytest
from indextts2_multitalk.training.sentences import training_texts
from indextts2_multitalk.training.speakers import NEUTRAL, emotion_of, speaker
from indextts2_multitalk.training.synthesize import GRAIN, PHONES, Utterance, write_shard


def hum(rate: int, samples: int, hz: float, colour: np.ndarray) -> np.ndarray:
    time = np.arange(samples) / rate
    tone = sum(level * np.sin(2 * np.pi * hz * k * time) for k, level in enumerate(colour, start=1))
    noise = np.random.default_rng(samples).standard_normal(samples)
    return (32767 * np.clip(0.1 * tone + 0.001 * noise, -1, 1)).astype(np.int16)


def hummed(text: str, hz: float, emotion: int, rng: random.Random) -> Utterance:
    """A code's phone colours its hum; every word has four codes, so that labels and sound belong together."""
    words = len(text.split())
    codes = GRAIN * -(-(4 * words + 8) // GRAIN)
    spans = np.repeat(np.arange(codes // 2), 2)
    phones = np.array([rng.randrange(1, len(PHONES)) for _ in range(codes // 2)], dtype=np.uint8)[spans]
    labels = np.full(codes, -1, dtype=np.int16)
    labels[4 : 4 + 4 * words] = np.repeat(np.arange(words), 4)
    pitched = hz * (1.2 if emotion != NEUTRAL else 1.0)
    colours = {phone: np.random.default_rng(int(phone)).random(4) for phone in np.unique(phones)}

    def wave(rate: int, per_code: int) -> np.ndarray:
        return np.concatenate([hum(rate, per_code, pitched, colours[phone]) for phone in phones])

    progress = np.tile(np.array([60, 190], dtype=np.uint8), codes // 2)
    return Utterance(text, emotion, wave(22050, 441), wave(16000, 320), phones, progress, labels)


def write_hums(folder: Path, speakers: int, utterances: int, held_out: bool = False) -> None:
    folder.mkdir(parents=True)
    texts = training_texts(7)
    for number in range(speakers):
        who, rng = speaker(number, held_out), random.Random(number)
        short = (text for text in texts if len(text.split()) < 8)
        said = [hummed(next(short), who.pitch_hz, emotion_of(place), rng) for place in range(utterances)]
        write_shard(folder, who, said)


@pytest.fixture(scope="session")
def hums(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with `speech` and `unheard`, four speakers each."""
    work = tmp_path_factory.mktemp("training")
    write_hums(work / "speech", 4, 6)
    write_hums(work / "unheard", 4, 5, held_out=True)
    return work

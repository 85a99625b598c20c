"""Speech to train on: every speaker's utterances as one shard, made on all cores while the GPU already trains.

Everything lies on one clock of codes, 50 a second: code c owns samples 441c… at 22.05 kHz and 320c… at 16 kHz.

    python -m training.synthesize --out output/training/speech --speakers 400 --utterances 60 --workers 16
"""

import argparse
import json
import logging
import math
import multiprocessing
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from .flite import SAMPLE_RATE, Flite, Prosody, Speech
from .sentences import held_out_texts, training_texts
from .speakers import Speaker, delivery, emotion_of, speaker

logger = logging.getLogger(__name__)

CODE_SECONDS = 0.02
SAMPLES22, SAMPLES16 = 441, 320
GRAIN = 8
"""Utterances are whole multiples of this many codes long, so that batches of one length need no padding."""
LEAD_SECONDS, TAIL_SECONDS = 0.10, 0.12
LEVEL_RMS, NOISE_RMS = 0.08, 5e-4
LABEL_OFFSET_SECONDS = 0.0175
"""Middle of the two filter-bank windows that a code is computed from, after the code's start."""

PHONES = (
    "pau", "aa", "ae", "ah", "ao", "aw", "ax", "ay", "b", "ch", "d", "dh", "eh", "er", "ey", "f", "g", "hh", "ih", "iy",
    "jh", "k", "l", "m", "n", "ng", "ow", "oy", "p", "r", "s", "sh", "t", "th", "uh", "uw", "v", "w", "y", "z", "zh",
)  # fmt: skip
"""flite's phones of American English; silence is 0."""


@dataclass(frozen=True, eq=False)
class Utterance:
    """C codes of speech. wav22: int16 [441 C], wav16: int16 [320 C]. phones: uint8 [C], progress: how far through its
    phone each code is, uint8 [C] in 1/255. words: int16 [C], which word of the text is being said, -1 between words.
    """

    text: str
    emotion: int
    wav22: np.ndarray
    wav16: np.ndarray
    phones: np.ndarray
    progress: np.ndarray
    words: np.ndarray


def render(flite: Flite, who: Speaker, emotion: int, text: str, rng: random.Random) -> Utterance:
    """`text` as `who` would say it, with small differences from one saying to the next."""
    how = delivery(emotion)
    pitch = who.pitch_hz * 2 ** ((how.semitones + rng.uniform(-0.4, 0.4)) / 12)
    # Played at `tract` times the rate, everything scales: so pitch and pace are asked for the other way round.
    stretch = who.stretch * how.stretch * rng.uniform(0.96, 1.04) * who.tract
    speech = flite.speak(who.voice, text, Prosody(pitch / who.tract, who.span * how.span, stretch))
    samples = brighten(speech.samples, who.brightness + how.brightness)
    samples *= LEVEL_RMS / math.sqrt(float(np.square(samples).mean()) + 1e-9) * 10 ** (how.decibels / 20)
    phones = [(PHONES.index(name), end / who.tract) for name, end in speech.phones]
    start, codes = _cut(phones)
    noise = np.random.default_rng(rng.getrandbits(32))
    return Utterance(
        text,
        emotion,
        _resampled(samples, who.tract, 22050, start, codes * SAMPLES22, noise),
        _resampled(samples, who.tract, 16000, start, codes * SAMPLES16, noise),
        *_phone_labels(phones, start, codes),
        _word_labels(speech, who.tract, len(text.split()), start, codes),
    )


def brighten(samples: np.ndarray, amount: float) -> np.ndarray:
    """Tilt the spectrum by a difference with the sample before: up for positive amounts, down for negative ones."""
    return samples - amount * np.concatenate((samples[:1], samples[:-1]))


def _cut(phones: Sequence[tuple[int, float]]) -> tuple[float, int]:
    """Where to start so that little silence leads, in seconds, and how many codes then reach past the last sound."""
    first = phones[0][1] if phones[0][0] == 0 else 0.0
    last = phones[-2][1] if phones[-1][0] == 0 and len(phones) > 1 else phones[-1][1]
    start = max(0.0, first - LEAD_SECONDS)
    codes = (last + TAIL_SECONDS - start) / CODE_SECONDS
    return start, GRAIN * math.ceil(codes / GRAIN)


def _resampled(
    samples: np.ndarray, tract: float, rate: int, start: float, count: int, noise: np.random.Generator
) -> np.ndarray:
    """int16 [count] from `start` seconds, on a floor of faint noise, as every recording has one."""
    whole = soxr.resample(samples, SAMPLE_RATE * tract, rate)[round(start * rate) :][:count]
    padded = np.pad(whole, (0, count - len(whole))) + NOISE_RMS * noise.standard_normal(count, dtype=np.float32)
    return (np.clip(padded, -1, 1) * (2**15 - 1)).astype(np.int16)


def _phone_labels(phones: Sequence[tuple[int, float]], start: float, codes: int) -> tuple[np.ndarray, np.ndarray]:
    times = start + LABEL_OFFSET_SECONDS + CODE_SECONDS * np.arange(codes)
    ends = np.array([end for _, end in phones])
    begins = np.concatenate(([0.0], ends[:-1]))
    place = np.minimum(np.searchsorted(ends, times, side="right"), len(phones) - 1)
    through = np.clip((times - begins[place]) / np.maximum(ends - begins, 1e-3)[place], 0, 1)
    names = np.array([phone for phone, _ in phones], dtype=np.uint8)
    return np.where(times > ends[-1], 0, names[place]).astype(np.uint8), (255 * through).astype(np.uint8)


def _word_labels(speech: Speech, tract: float, expected: int, start: float, codes: int) -> np.ndarray:
    """All -1 where flite read another number of words than stand between the text's spaces."""
    labels = np.full(codes, -1, dtype=np.int16)
    if len(speech.words) == expected:
        for number, (begin, end) in enumerate(speech.words):
            first, last = ((edge / tract - start) / CODE_SECONDS for edge in (begin, end))
            labels[max(0, round(first)) : max(0, round(last))] = number
    return labels


def write_shard(folder: Path, who: Speaker, utterances: Sequence[Utterance]) -> Path:
    """One speaker's utterances, those of an emotion next to each other, as an uncompressed .npz."""
    ordered = sorted(utterances, key=lambda utterance: utterance.emotion)
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(u, name) for u in ordered])
        for name in ("wav22", "wav16", "phones", "progress", "words")
    }
    table = np.array([(len(u.phones), u.emotion) for u in ordered], dtype=np.int32)
    texts = np.frombuffer(json.dumps([u.text for u in ordered]).encode(), dtype=np.uint8)
    facts = np.array([who.pitch_hz], dtype=np.float32)
    target = folder / f"{who.name}.npz"
    part = target.with_suffix(".part.npz")
    np.savez(part, table=table, texts=texts, facts=facts, **columns)
    part.rename(target)
    return target


_flite: Flite | None = None


def _start_worker(folder: Path | None) -> None:
    global _flite
    _flite = Flite(folder)


def _make_shard(number: int, folder: Path, count: int, held_out: bool) -> float:
    assert _flite is not None, "workers start flite"
    who = speaker(number, held_out)
    texts = (held_out_texts if held_out else training_texts)(number)
    rng = random.Random(f"{who.name} sayings")
    said = [render(_flite, who, emotion_of(place), next(texts), rng) for place in range(count)]
    write_shard(folder, who, said)
    return CODE_SECONDS * sum(len(utterance.phones) for utterance in said)


def synthesize(
    folder: Path,
    numbers: Sequence[int],
    utterances: int,
    workers: int,
    flite: Path | None = None,
    held_out: bool = False,
) -> float:
    """Make the speakers' shards that are not there yet; returns seconds of speech made."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [n for n in numbers if not (folder / f"{speaker(n, held_out).name}.npz").exists()]
    make = partial(_make_shard, folder=folder, count=utterances, held_out=held_out)
    begun, made = time.monotonic(), 0.0
    with multiprocessing.get_context("spawn").Pool(workers, _start_worker, (flite,)) as pool:
        for done, seconds in enumerate(pool.imap_unordered(make, missing), start=1):
            made += seconds
            if done % 20 == 0 or done == len(missing):
                rate = made / (time.monotonic() - begun)
                logger.info("%d of %d speakers, %.1f h, %.0f x real time", done, len(missing), made / 3600, rate)
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--speakers", type=int, default=400)
    parser.add_argument("--first", type=int, default=0, help="number of the first of them")
    parser.add_argument("--utterances", type=int, default=60)
    parser.add_argument("--workers", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--flite", type=Path, help="folder of flite's libraries, where they are not installed")
    parser.add_argument("--held-out", action="store_true", help="speakers and sentences that training never hears")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    numbers = range(options.first, options.first + options.speakers)
    synthesize(options.out, numbers, options.utterances, options.workers, options.flite, options.held_out)


if __name__ == "__main__":
    main()

"""Who speaks and how: variants of flite's four voices, and the deliveries that stand for emotions.

A speaker is a voice with another vocal tract (the spectrum's scale), pitch, liveliness, pace and brightness. The tract
ranges are those in which pocketsphinx reads the variant about as well as the voice itself (README.md has the figures).
"""

import random
from dataclasses import dataclass

from indextts2_multitalk.indextts.records import EMOTIONS

NEUTRAL = len(EMOTIONS)
"""Number of the ninth delivery: a speaker's own, with no emotion."""


@dataclass(frozen=True)
class Speaker:
    """tract: factor on all formants. pitch_hz: geometric mean of the neutral delivery. brightness: of `brighten`."""

    name: str
    voice: str
    tract: float
    pitch_hz: float
    span: float
    stretch: float
    brightness: float


@dataclass(frozen=True)
class Delivery:
    """What an emotion does to a neutral sentence: semitones up, factor on the pitch span, factor on durations."""

    semitones: float = 0.0
    span: float = 1.0
    stretch: float = 1.0
    decibels: float = 0.0
    brightness: float = 0.0


DELIVERIES = {
    "happy": Delivery(4.0, 1.5, 0.90, 2.0, 0.10),
    "angry": Delivery(2.0, 1.7, 0.82, 5.0, 0.20),
    "sad": Delivery(-3.0, 0.5, 1.25, -5.0, -0.20),
    "afraid": Delivery(6.0, 0.6, 0.80, -2.0, 0.05),
    "disgusted": Delivery(-2.0, 1.3, 1.15, 0.0, -0.05),
    "melancholic": Delivery(-4.0, 0.35, 1.40, -7.0, -0.25),
    "surprised": Delivery(7.0, 1.9, 0.95, 3.0, 0.10),
    "calm": Delivery(-1.0, 0.75, 1.10, -2.0, -0.05),
}
NEUTRAL_DELIVERY = Delivery()

_TRACT = {"slt": (0.79, 0.95), "rms": (0.93, 1.19), "awb": (0.97, 1.12), "kal16": (0.98, 1.15)}
_PITCH = {"slt": (115.0, 250.0), "rms": (78.0, 175.0), "awb": (85.0, 200.0), "kal16": (82.0, 190.0)}


def speaker(number: int, held_out: bool = False) -> Speaker:
    """The same variant for the same number; held-out ones are drawn apart from those trained on."""
    rng = random.Random(f"{'held out ' if held_out else ''}speaker {number}")
    voices = tuple(_TRACT)
    voice = voices[number % len(voices)]
    low, high = _PITCH[voice]
    return Speaker(
        name=f"{'unheard' if held_out else 'speaker'}_{number:04d}",
        voice=voice,
        tract=rng.uniform(*_TRACT[voice]),
        pitch_hz=low * (high / low) ** rng.random(),
        span=rng.uniform(0.7, 1.35),
        stretch=rng.uniform(0.9, 1.15),
        brightness=rng.uniform(-0.3, 0.3),
    )


def delivery(emotion: int) -> Delivery:
    """Of a number in the order of `EMOTIONS`, or `NEUTRAL`."""
    return NEUTRAL_DELIVERY if emotion == NEUTRAL else DELIVERIES[EMOTIONS[emotion]]


def emotion_of(place: int) -> int:
    """Which delivery the utterance at `place` of a speaker has: two in five are neutral, the rest take turns."""
    return NEUTRAL if place % 5 < 2 else (place // 5 * 3 + place % 5 - 2) % len(EMOTIONS)

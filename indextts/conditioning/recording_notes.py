"""What a recording suffers from, in words for the user: a voice is no better than what it is heard from."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from ..records import Audio
from .channels import are_opposed, find_offset, mix_channels, remove_offset, window_power, window_size
from .reference import MAX_SECONDS, find_excerpt, take_excerpt

CLIPPED_LEVEL, CLIPPED_SHARE = 0.999, 1e-3
STEADY_DECIBELS, NOISY_DECIBELS = 1.0, 15.0
"""Between the quiet and the loud windows of a recording; below the first it is a tone and no speech."""


def describe_recording(audio: Audio) -> list[str]:
    """Notes on a recording that can serve, as `take_excerpt` and `prepare_reference` use it."""
    samples = take_excerpt(audio).samples
    return [*_describe_length(audio), *_describe_channels(samples), *_describe_sound(samples, audio.sample_rate)]


def _describe_length(audio: Audio) -> Iterator[str]:
    if audio.seconds > MAX_SECONDS:
        start = find_excerpt(audio) / audio.sample_rate
        end = min(audio.seconds, start + MAX_SECONDS)
        yield f"is {audio.seconds:.1f} s long; {start:.1f} s to {end:.1f} s are used"


def _describe_channels(samples: Tensor) -> Iterator[str]:
    if are_opposed(samples):
        yield "has channels in antiphase, which cancel each other out; the loudest is used alone"
    if offset := float(find_offset(samples).abs().max()):
        yield f"stands {offset:.2f} of full scale off zero (a DC offset), which is taken away"


def _describe_sound(samples: Tensor, rate: int) -> Iterator[str]:
    share = float((samples.abs() >= CLIPPED_LEVEL).float().mean())
    if share > CLIPPED_SHARE:
        yield (
            f"is clipped: {100 * share:.1f} % of its samples are at full scale, and the voice will sound distorted; "
            "record it at a lower level"
        )
    distance = measure_noise(remove_offset(mix_channels(samples)), rate)
    if STEADY_DECIBELS < distance < NOISY_DECIBELS:
        yield (
            f"is noisy: speech is only {distance:.0f} dB louder than what is around it, and the voice will sound so; "
            "record it in a quiet room or clean it first"
        )


def measure_noise(mono: Tensor, rate: int) -> float:
    """How far in decibels the loud windows of [N] stand above the quiet ones."""
    power = window_power(mono, window_size(rate))[:-1]  # the last is filled up with zeros
    if len(power) < 2:
        return math.inf
    quiet, loud = torch.quantile(power, torch.tensor([0.1, 0.9])).tolist()
    return math.inf if quiet <= 0 else 10 * math.log10(loud / quiet)

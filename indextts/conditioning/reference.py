"""Reference audio: checks of a recording, and the mono copies that the models read.

C channels, N samples, -1..1.
"""

import hashlib
import logging
import math
from dataclasses import dataclass

import soxr
import torch
from torch import Tensor

from ..errors import AudioError
from ..records import Audio
from .features import MEL_SAMPLE_RATE, SEMANTIC_SAMPLE_RATE

logger = logging.getLogger(__name__)

MAX_SECONDS = 15.0
MIN_SECONDS = 0.3
SILENCE_PEAK = 1e-3
CLIPPED_LEVEL, CLIPPED_SHARE = 0.999, 1e-3

TRIM_DECIBELS, TRIM_WINDOW_SECONDS, TRIM_MARGIN_SECONDS = 40.0, 0.02, 0.1
BOOST_RMS, BOOST_PEAK = 0.1, 0.98

_ADVICE = "give a recording of one speaker, 3 to 15 seconds of clean speech"


@dataclass(frozen=True, eq=False)
class ReferenceAudio:
    """A checked recording: mono `samples` [N] at `sample_rate`, float32 on the CPU."""

    samples: Tensor
    sample_rate: int

    @property
    def samples_16k(self) -> Tensor:
        """The copy [N] at 16 kHz that w2v-bert and CAMPPlus read."""
        return resample(self.samples, self.sample_rate, SEMANTIC_SAMPLE_RATE)

    @property
    def samples_22k(self) -> Tensor:
        """The copy [N] at 22.05 kHz that becomes the mel prompt."""
        return resample(self.samples, self.sample_rate, MEL_SAMPLE_RATE)


def take_excerpt(audio: Audio | None) -> Audio:
    """The part of a recording that is used: its first 15 s, float32 on the CPU.

    Raises `AudioError` for `None`, a wrong shape or rate, and a recording without samples.
    """
    if audio is None:
        raise AudioError(f"Reference audio: got None (a video without a sound track?), expected samples; {_ADVICE}")
    samples, rate = audio.samples, audio.sample_rate
    if not isinstance(samples, Tensor) or samples.ndim != 2:
        got = f"shape {tuple(samples.shape)}" if isinstance(samples, Tensor) else type(samples).__name__
        raise AudioError(f"Reference audio: got {got}, expected a tensor [channels, samples]; {_ADVICE}")
    if rate <= 0:
        raise AudioError(f"Reference audio: got a sample rate of {rate} Hz, expected a positive one; {_ADVICE}")
    if samples.numel() == 0:
        raise AudioError(f"Reference audio: got no samples (zero length), expected at least {MIN_SECONDS} s; {_ADVICE}")
    used = samples[:, : round(MAX_SECONDS * rate)]
    if used.shape[1] < samples.shape[1]:
        logger.info("reference audio is %.1f s long; the first %.0f s are used", audio.seconds, MAX_SECONDS)
    return Audio(used.detach().to("cpu", torch.float32), rate)


def hash_audio(audio: Audio) -> str:
    """SHA-256 of a recording: equal samples at an equal rate have equal ones."""
    # Every line asks for it; processors have instructions for this digest, at twice the speed of others.
    digest = hashlib.sha256(f"{audio.sample_rate} {tuple(audio.samples.shape)}".encode())
    digest.update(audio.samples.contiguous().numpy().data)
    return digest.hexdigest()


def prepare_reference(audio: Audio | None, boost: bool = False) -> ReferenceAudio:
    """Check a recording and mix it down.

    `boost` trims silence off both ends and brings speech to -20 dBFS. Raises `AudioError` for audio that cannot serve.
    """
    used = take_excerpt(audio)
    mono = _checked_mono(used)
    if boost:
        mono = _normalize_level(_trim_silence(mono, used.sample_rate), used.sample_rate)
    seconds = mono.shape[0] / used.sample_rate
    if seconds < MIN_SECONDS:
        raise AudioError(f"Reference audio: got {seconds:.2f} s of sound, expected at least {MIN_SECONDS} s; {_ADVICE}")
    return ReferenceAudio(mono, used.sample_rate)


def resample(samples: Tensor, rate: int, to_rate: int) -> Tensor:
    """Mono samples [N] at another rate."""
    if rate == to_rate:
        return samples
    return torch.from_numpy(soxr.resample(samples.numpy(), rate, to_rate))


def _checked_mono(audio: Audio) -> Tensor:
    mono = audio.samples.mean(dim=0)
    peak = float(mono.abs().max())
    if not math.isfinite(peak):
        bad = int((~torch.isfinite(audio.samples)).sum())
        raise AudioError(f"Reference audio: got {bad} samples that are NaN or infinite, expected numbers; {_ADVICE}")
    if peak < SILENCE_PEAK:
        raise AudioError(
            f"Reference audio: got silence (its peak is {peak:.1e} of full scale in the first {MAX_SECONDS:.0f} s), "
            f"expected speech; {_ADVICE}"
        )
    if peak >= CLIPPED_LEVEL:
        _warn_if_clipped(mono)
    return mono if peak <= 1 else mono / peak


def _warn_if_clipped(mono: Tensor) -> None:
    share = float((mono.abs() >= CLIPPED_LEVEL).float().mean())
    if share > CLIPPED_SHARE:
        logger.warning(
            "reference audio is clipped: %.1f %% of its samples are at full scale, and the voice will sound "
            "distorted; record it at a lower level",
            100 * share,
        )


def _trim_silence(mono: Tensor, rate: int) -> Tensor:
    """Samples from just before the first loud window to just after the last."""
    size = max(1, round(TRIM_WINDOW_SECONDS * rate))
    loud = _loud_windows(mono, size).nonzero()
    margin = round(TRIM_MARGIN_SECONDS * rate)
    start = max(0, int(loud[0]) * size - margin)
    return mono[start : (int(loud[-1]) + 1) * size + margin]


def _normalize_level(mono: Tensor, rate: int) -> Tensor:
    """Samples scaled so that their loud windows have the target level, peaks kept below full scale."""
    size = max(1, round(TRIM_WINDOW_SECONDS * rate))
    power = _window_power(mono, size)[_loud_windows(mono, size)].mean()
    gain = torch.minimum(BOOST_RMS / power.sqrt(), BOOST_PEAK / mono.abs().max())
    return mono * gain


def _loud_windows(mono: Tensor, size: int) -> Tensor:
    power = _window_power(mono, size)
    return power >= power.max() * 10 ** (-TRIM_DECIBELS / 10)


def _window_power(mono: Tensor, size: int) -> Tensor:
    """Mean square of each window of `size` samples; the last one may be shorter."""
    padded = torch.nn.functional.pad(mono, (0, -mono.shape[0] % size))
    return padded.view(-1, size).square().mean(dim=1)

"""Reference audio: checks of a recording, and the mono copies that the models read.

C channels, N samples, -1..1.
"""

import hashlib
from dataclasses import dataclass

import soxr
import torch
from torch import Tensor

from ..errors import AudioError
from ..records import Audio
from .channels import find_loud_windows, mix_channels, remove_offset, window_power, window_size
from .features import MEL_SAMPLE_RATE, SEMANTIC_SAMPLE_RATE

MAX_SECONDS = 15.0
MIN_SECONDS = 0.3
SILENCE_PEAK = 1e-3
TRIM_MARGIN_SECONDS = 0.1
SEARCHED_SECONDS = 60.0
SKIPPED_SILENCE_SECONDS = 1.0
"""A silent start this long is skipped where a recording is too long anyway."""
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
    """The part of a recording that is used: its first 15 s, float32 on the CPU, without a silent start before them.

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
    start = find_excerpt(audio)
    used = samples[:, start : start + round(MAX_SECONDS * rate)]
    return Audio(used.detach().to("cpu", torch.float32), rate)


def find_excerpt(audio: Audio) -> int:
    """The sample that the part which is used starts with."""
    samples, rate = audio.samples, audio.sample_rate
    if samples.shape[1] <= round(MAX_SECONDS * rate):
        return 0
    size = window_size(rate)
    searched = samples[:, : round(SEARCHED_SECONDS * rate)].detach().to("cpu", torch.float32)
    loud = find_loud_windows(remove_offset(searched), size).any(0).nonzero()
    start = int(loud[0]) * size - round(TRIM_MARGIN_SECONDS * rate) if len(loud) else 0
    return start if start >= SKIPPED_SILENCE_SECONDS * rate else 0


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
    if bad := int((~torch.isfinite(audio.samples)).sum()):
        raise AudioError(f"Reference audio: got {bad} samples that are NaN or infinite, expected numbers; {_ADVICE}")
    mono = remove_offset(mix_channels(audio.samples))
    peak = float(mono.abs().max())
    if peak < SILENCE_PEAK:
        raise AudioError(
            f"Reference audio: got silence (its peak is {peak:.1e} of full scale in the first {MAX_SECONDS:.0f} s), "
            f"expected speech; {_ADVICE}"
        )
    return mono if peak <= 1 else mono / peak


def _trim_silence(mono: Tensor, rate: int) -> Tensor:
    """Samples from just before the first loud window to just after the last."""
    size = window_size(rate)
    loud = find_loud_windows(mono, size).nonzero()
    margin = round(TRIM_MARGIN_SECONDS * rate)
    start = max(0, int(loud[0]) * size - margin)
    return mono[start : (int(loud[-1]) + 1) * size + margin]


def _normalize_level(mono: Tensor, rate: int) -> Tensor:
    """Samples scaled so that their loud windows have the target level, peaks kept below full scale."""
    size = window_size(rate)
    power = window_power(mono, size)[find_loud_windows(mono, size)].mean()
    gain = torch.minimum(BOOST_RMS / power.sqrt(), BOOST_PEAK / mono.abs().max())
    return mono * gain

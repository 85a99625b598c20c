"""A line's segments joined: an equal level, and a short pause at each seam.

Dimensions: N samples.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .records import OUTPUT_SAMPLE_RATE

_WINDOW = OUTPUT_SAMPLE_RATE // 100
_SOUNDING = 1e-3
"""Power of a window that is speech, as a share of the loudest window's: −30 dB."""
_KEPT = OUTPUT_SAMPLE_RATE // 20
"""Samples of quiet that a segment keeps at a seam: soft beginnings and the end of a breath."""
_MOST_GAIN_DB = 6.0


def join_segments(waves: Sequence[Tensor], pause_seconds: float) -> Tensor:
    """Waveforms float32 [1, N] one after another. One that stands alone stays as it is.

    Others are brought to the mean level of their speech, by 6 dB at most and never into clipping, and what is quiet at
    a seam is replaced by `pause_seconds` of silence.
    """
    if len(waves) == 1:
        return waves[0]
    pause = torch.zeros(1, round(pause_seconds * OUTPUT_SAMPLE_RATE))
    levelled = _equalize_levels(waves)
    pieces: list[Tensor] = []
    for i, wave in enumerate(levelled):
        pieces += [_trim_seams(wave, first=i == 0, last=i == len(levelled) - 1), pause]
    return torch.cat(pieces[:-1], dim=1)


def _equalize_levels(waves: Sequence[Tensor]) -> list[Tensor]:
    levels = [_measure_speech(wave) for wave in waves]
    spoken = [level for level in levels if level is not None]
    if not spoken:
        return list(waves)
    seconds = torch.tensor([float(windows) for _, windows in spoken])
    mean = float((torch.tensor([decibels for decibels, _ in spoken]) * seconds).sum() / seconds.sum())
    return [
        wave if level is None else _amplify(wave, mean - level[0]) for wave, level in zip(waves, levels, strict=True)
    ]


def _measure_speech(wave: Tensor) -> tuple[float, int] | None:
    """Level in decibels of the windows that sound, and how many they are; None where nothing does."""
    power = _window_power(wave)
    if not len(power) or not float(power.max()):
        return None
    sounding = power[power > _SOUNDING * power.max()]
    return 10 * float(sounding.mean().log10()), len(sounding)


def _amplify(wave: Tensor, decibels: float) -> Tensor:
    bounded = max(-_MOST_GAIN_DB, min(_MOST_GAIN_DB, decibels))
    gain, peak = 10 ** (bounded / 20), float(wave.abs().max())
    return wave * (min(gain, max(1.0, 1 / peak)) if gain > 1 else gain)


def _trim_seams(wave: Tensor, first: bool, last: bool) -> Tensor:
    """`wave` without the quiet before and behind its speech, but for the outer ends of the whole."""
    power = _window_power(wave)
    sounding = (power > _SOUNDING * power.max()).nonzero()[:, 0] if len(power) else power
    if not len(sounding):
        return wave
    start = 0 if first else max(0, int(sounding[0]) * _WINDOW - _KEPT)
    end = wave.shape[1] if last else min(wave.shape[1], (int(sounding[-1]) + 1) * _WINDOW + _KEPT)
    return _fade_edges(wave[:, start:end], fade_in=not first, fade_out=not last)


def _fade_edges(wave: Tensor, fade_in: bool, fade_out: bool) -> Tensor:
    """Ramps over a window of 10 ms, so that no seam clicks."""
    ramp = torch.linspace(0, 1, min(_WINDOW, wave.shape[1]))
    faded = wave.clone()
    if fade_in:
        faded[:, : len(ramp)] *= ramp
    if fade_out:
        faded[:, -len(ramp) :] *= ramp.flip(0)
    return faded


def _window_power(wave: Tensor) -> Tensor:
    """Mean power of each 10 ms [windows]; what is left at the end is in none."""
    return wave[0].unfold(0, _WINDOW, _WINDOW).square().mean(1) if wave.shape[1] >= _WINDOW else wave.new_zeros(0)

"""Figures of single recordings: pitch, level, length, and whose voice CAMPPlus hears. Mono float32 [N] throughout."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
import torch
from indextts2_multitalk.indextts.conditioning.campplus import IGNORED, CAMPPlus
from indextts2_multitalk.indextts.loading.strict import load_strict
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from .acoustics import EDGE16, SAMPLES16, Acoustics, pitch, style_input

OUTER_SHARE = 0.1
"""The pitch span leaves out this share of the voiced codes at either end."""


@dataclass(frozen=True)
class Delivery:
    """pitch_hz: median. span_octaves: from the lowest to the highest tenth. seconds: between the outer sounds."""

    pitch_hz: float
    span_octaves: float
    seconds: float
    decibels: float


def to16(samples: np.ndarray, rate: int) -> np.ndarray:
    """At 16 kHz."""
    return soxr.resample(samples, rate, 16000) if rate != 16000 else samples


def delivery_of(wav16: np.ndarray) -> Delivery:
    """How a recording is spoken; NaN pitch where nothing in it is voiced."""
    wav = _whole_codes(wav16)
    hz, voiced = pitch(wav)
    sounding = hz[voiced]
    loud = wav[0, : wav.shape[1] - EDGE16].unfold(0, SAMPLES16, SAMPLES16).square().mean(-1)
    heard = (loud > loud.max() * 1e-3).nonzero()[:, 0]
    seconds = 0.02 * float(heard[-1] - heard[0] + 1) if len(heard) else 0.0
    if len(sounding) == 0:
        return Delivery(float("nan"), float("nan"), seconds, float("nan"))
    low, high = torch.quantile(sounding.log2(), torch.tensor([OUTER_SHARE, 1 - OUTER_SHARE]))
    decibels = 10 * float(loud[heard].mean().log10())
    return Delivery(float(sounding.median()), float(high - low), seconds, decibels)


class Ear:
    """CAMPPlus of an exported folder."""

    def __init__(self, model: Path) -> None:
        file = model / "hf_cache" / "campplus_cn_common.safetensors"
        self._campplus = load_strict(CAMPPlus, load_file(file), file=file, ignored=IGNORED)
        self._acoustics = Acoustics()

    @torch.no_grad()
    def style(self, wav16: np.ndarray) -> Tensor:
        """Unit vector [192]."""
        heard = style_input(self._acoustics.energies(_whole_codes(wav16)))
        return functional.normalize(self._campplus(heard)[0], dim=0)


def _whole_codes(wav16: np.ndarray) -> Tensor:
    """[1, 320 T + 240], T at least 50."""
    codes = max(50, len(wav16) // SAMPLES16)
    wanted = codes * SAMPLES16 + EDGE16
    return torch.from_numpy(np.pad(wav16[:wanted], (0, max(0, wanted - len(wav16)))))[None].float()

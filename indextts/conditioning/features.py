"""Log-mel spectrogram, Kaldi filter bank and SeamlessM4T features, in float32 and in plain PyTorch.

N samples, F frames, K frequency bins, T tokens of the semantic model (50 a second).
Everything runs where the samples are and never waits for the device.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .padding import moments

SEMANTIC_SAMPLE_RATE = 16000
MEL_SAMPLE_RATE = 22050
LOG_FLOOR = 1.1920929e-07
"""Kaldi floors band energies at float32's epsilon before the logarithm."""


class MelSpectrogram(nn.Module):
    """The 80-band spectrogram that S2Mel and BigVGAN speak (librosa's Slaney bands, no centring)."""

    window: Tensor
    bank: Tensor

    def __init__(self, bands: int = 80, n_fft: int = 1024, hop: int = 256, sample_rate: int = MEL_SAMPLE_RATE) -> None:
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        bank = slaney_bank(bands, n_fft, sample_rate)
        self.register_buffer("window", torch.hann_window(n_fft, device="cpu"), persistent=False)
        self.register_buffer("bank", bank, persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Samples [N] at the bank's rate, N > 384, to log-mel [bands, F]; F = N // hop for the released sizes."""
        edge = (self.n_fft - self.hop) // 2
        padded = functional.pad(samples[None], (edge, edge), mode="reflect")[0]
        spectrum = torch.stft(
            padded, self.n_fft, self.hop, window=self.window, center=False, return_complex=True
        )  # [K, F]
        magnitude = torch.sqrt(torch.view_as_real(spectrum).square().sum(-1) + 1e-9)
        return torch.log((self.bank @ magnitude).clamp_min(1e-5))


class KaldiFilterBank(nn.Module):
    """Mel band energies as Kaldi computes them: 25 ms Povey windows every 10 ms, pre-emphasis, no dither."""

    FRAME, SHIFT, N_FFT = 400, 160, 512
    PREEMPHASIS = 0.97

    window: Tensor
    bank: Tensor

    def __init__(self, bands: int = 80, sample_rate: int = SEMANTIC_SAMPLE_RATE) -> None:
        super().__init__()
        window = torch.hann_window(self.FRAME, periodic=False, dtype=torch.float64, device="cpu").pow(0.85).float()
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("bank", kaldi_bank(bands, self.N_FFT, sample_rate), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Samples [N] at 16 kHz, N >= 400, to band energies [F, bands], linear; only whole windows count."""
        frames = samples.unfold(0, self.FRAME, self.SHIFT)
        frames = frames - frames.mean(dim=1, keepdim=True)
        previous = torch.cat((frames[:, :1], frames[:, :-1]), dim=1)
        windowed = (frames - self.PREEMPHASIS * previous) * self.window
        spectrum = torch.fft.rfft(windowed, n=self.N_FFT)
        return torch.view_as_real(spectrum).square().sum(-1) @ self.bank.T


def log_energies(energies: Tensor) -> Tensor:
    """Kaldi's log filter bank [F, bands] of samples in -1..1, from `KaldiFilterBank` energies."""
    return energies.clamp_min(LOG_FLOOR).log()


def centred(features: Tensor, room: Tensor | None = None) -> Tensor:
    """Features [F, bands] less their mean over time: what CAMPPlus hears. `room` [F]: see `padding.py`."""
    _, mean = moments(features.mT, room)
    return features - mean.mT


def seamless_features(
    energies: Tensor, stride: int = 2, padding_value: float = 0.0, room: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """SeamlessM4T features of one recording, from the `KaldiFilterBank` energies [F, bands] of its samples.

    Returns features [1, T, stride·bands], each band normalized over time, and the mask [1, T] of whole tokens (int64),
    None where all are whole. A last token that padding completes counts as padding. `room` [F]: see
    `padding.py`; with it, F is a multiple of the stride.
    """
    # The extractor hears 16-bit integers: samples times 2^15, hence energies times 2^30.
    logs = log_energies(energies * 2.0**30)
    variance, mean = moments(logs.mT, room)
    normalized = (logs - mean.mT) / torch.sqrt(variance.mT + 1e-7)
    if room is not None:
        filled = normalized.masked_fill(room[:, None], padding_value)
        return filled.reshape(1, -1, stride * logs.shape[1]), (~room).view(1, -1, stride).all(dim=-1).long()
    missing = -logs.shape[0] % stride
    tokens = functional.pad(normalized, (0, 0, 0, missing), value=padding_value).reshape(1, -1, stride * logs.shape[1])
    if not missing:
        return tokens, None
    mask = torch.ones(tokens.shape[:2], dtype=torch.int64, device=tokens.device)
    mask[:, -1] = 0
    return tokens, mask


def slaney_bank(bands: int, n_fft: int, sample_rate: int) -> Tensor:
    """Triangular filters [bands, K] from 0 Hz to Nyquist on Slaney's scale, each of unit area (in Hz)."""
    edges_hz = _slaney_to_hz(
        torch.linspace(0, _hz_to_slaney(sample_rate / 2), bands + 2, dtype=torch.float64, device="cpu")
    )
    bins_hz = _bin_frequencies(n_fft, sample_rate)
    triangles = _triangles(bins_hz, edges_hz)
    return (triangles * (2.0 / (edges_hz[2:] - edges_hz[:-2]))[:, None]).float()


def kaldi_bank(bands: int, n_fft: int, sample_rate: int, low_hz: float = 20.0) -> Tensor:
    """Filters [bands, K] from `low_hz` to Nyquist, triangular on Kaldi's mel scale."""
    ends = _hz_to_kaldi(torch.tensor([low_hz, sample_rate / 2], dtype=torch.float64, device="cpu"))
    edges = torch.linspace(float(ends[0]), float(ends[1]), bands + 2, dtype=torch.float64, device="cpu")
    return _triangles(_hz_to_kaldi(_bin_frequencies(n_fft, sample_rate)), edges).float()


def _triangles(points: Tensor, edges: Tensor) -> Tensor:
    """Triangles [bands, K] over `points` [K]; band b rises from edges[b] to edges[b + 1] and falls to edges[b + 2]."""
    rising = (points - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - points) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp_min(0)


def _bin_frequencies(n_fft: int, sample_rate: int) -> Tensor:
    return torch.arange(n_fft // 2 + 1, dtype=torch.float64, device="cpu") * (sample_rate / n_fft)


def _hz_to_kaldi(hz: Tensor) -> Tensor:
    return 1127.0 * torch.log1p(hz / 700.0)


# Slaney's scale is linear up to 1 kHz (3 mel per 200 Hz) and logarithmic above (27 mel for a factor of 6.4).
_LINEAR_HZ = 200.0 / 3
_BREAK_MEL = 1000.0 / _LINEAR_HZ
_LOG_STEP = math.log(6.4) / 27


def _hz_to_slaney(hz: float) -> float:
    return hz / _LINEAR_HZ if hz < 1000 else _BREAK_MEL + math.log(hz / 1000) / _LOG_STEP


def _slaney_to_hz(mel: Tensor) -> Tensor:
    return torch.where(mel < _BREAK_MEL, mel * _LINEAR_HZ, 1000.0 * torch.exp((mel - _BREAK_MEL) * _LOG_STEP))

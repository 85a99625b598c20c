"""Log-mel spectrogram, Kaldi filter bank and SeamlessM4T features, in float32 and in plain PyTorch.

N samples, F frames, K frequency bins, T tokens of the semantic model (50 a second).
Everything runs where the samples are and never waits for the device.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .padding import masked_var_mean

SEMANTIC_SAMPLE_RATE = 16000
MEL_SAMPLE_RATE = 22050
LOG_FLOOR = 1.1920929e-07
"""Kaldi floors band energies at float32's epsilon before the logarithm."""


class MelSpectrogram(nn.Module):
    """The 80-band spectrogram that S2Mel and BigVGAN speak (librosa's Slaney bands, no centring)."""

    N_FFT, HOP = 1024, 256

    window: Tensor
    bank: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(self.N_FFT, device="cpu"), persistent=False)
        self.register_buffer("bank", load_slaney_bank(), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Samples [N] at 22.05 kHz, N > 384, to log-mel [80, F], F = N // 256."""
        edge = (self.N_FFT - self.HOP) // 2
        padded = functional.pad(samples[None], (edge, edge), mode="reflect")[0]
        spectrum = torch.stft(
            padded, self.N_FFT, self.HOP, window=self.window, center=False, return_complex=True
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


def subtract_mean(features: Tensor, padding_mask: Tensor | None = None) -> Tensor:
    """Features [F, bands] less their mean over time, as CAMPPlus reads them. `padding_mask` [F]: see `padding.py`."""
    _, mean = masked_var_mean(features.mT, padding_mask)
    return features - mean.mT


def seamless_features(
    energies: Tensor, stride: int = 2, padding_value: float = 0.0, padding_mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """SeamlessM4T features of one recording, from the `KaldiFilterBank` energies [F, bands] of its samples.

    Returns features [1, T, stride·bands], each band normalized over time, and bool [T], True for whole tokens. A last
    token that padding completes counts as padding. `padding_mask` [F]: see `padding.py`.
    """
    # The extractor reads 16-bit integers: samples times 2^15, hence energies times 2^30.
    logs = log_energies(energies * 2.0**30)
    variance, mean = masked_var_mean(logs.mT, padding_mask)
    normalized = (logs - mean.mT) / torch.sqrt(variance.mT + 1e-7)
    frames, bands = logs.shape
    whole = torch.ones(frames, dtype=torch.bool, device=logs.device) if padding_mask is None else ~padding_mask
    missing = -frames % stride
    whole = functional.pad(whole, (0, missing), value=False)
    padded = functional.pad(normalized, (0, 0, 0, missing)).masked_fill(~whole[:, None], padding_value)
    return padded.reshape(1, -1, stride * bands), whole.view(-1, stride).all(dim=-1)


def load_slaney_bank() -> Tensor:
    """The mel filter bank [80, 513] of `MelSpectrogram`: librosa's, kept as a file since its import takes seconds.

    Made by `bank = librosa.filters.mel(sr=22050, n_fft=1024, n_mels=80, dtype=np.float64)` and
    `np.savez_compressed("slaney_bank.npz", bank=bank.astype(np.float32))`; a test holds the two equal.
    """
    with np.load(Path(__file__).with_name("slaney_bank.npz")) as file:
        return torch.tensor(file["bank"], device="cpu")


def kaldi_bank(bands: int, n_fft: int, sample_rate: int, low_hz: float = 20.0) -> Tensor:
    """Filters [bands, K] from `low_hz` to Nyquist, triangular on Kaldi's mel scale."""
    ends = _hz_to_kaldi(torch.tensor([low_hz, sample_rate / 2], dtype=torch.float64, device="cpu"))
    edges = torch.linspace(float(ends[0]), float(ends[1]), bands + 2, dtype=torch.float64, device="cpu")
    bins_hz = torch.arange(n_fft // 2 + 1, dtype=torch.float64, device="cpu") * (sample_rate / n_fft)
    bins = _hz_to_kaldi(bins_hz)
    # Band b rises from edges[b] to edges[b + 1] and falls to edges[b + 2].
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp_min(0).float()


def _hz_to_kaldi(hz: Tensor) -> Tensor:
    return 1127.0 * torch.log1p(hz / 700.0)

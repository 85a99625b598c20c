"""What the pack computes from one recording, for a batch of them, and pitch.

B clips, N samples, T codes (50 a second), F mel frames. The filters are the pack's own modules'; tests hold the two
computations together.
"""

import torch
from indextts2_multitalk.indextts.conditioning.features import KaldiFilterBank, MelSpectrogram, log_energies
from torch import Tensor, nn
from torch.nn import functional

SAMPLES22, SAMPLES16 = 441, 320
EDGE16 = 240
"""Samples at 16 kHz beyond a clip's end that its last code looks at."""
EDGE22 = 384
"""Samples at 22.05 kHz on either side of a clip that its mel frames look at."""
FRAMES_PER_CODE = SAMPLES22 / 256
SPOKEN_FRAMES_PER_CODE = 1.72
"""What the released model gives a code that it speaks; a prompt's frames are as many as it has."""


class Acoustics(nn.Module):
    """Every clip lies on the clock of codes: `wav16` [B, 320 T + 240], `wav22` [B, 384 + 256 F + 384]."""

    def __init__(self) -> None:
        super().__init__()
        self.kaldi, self.spectrogram = KaldiFilterBank(), MelSpectrogram()

    def energies(self, wav16: Tensor) -> Tensor:
        """Kaldi band energies [B, 2 T, 80], linear."""
        frames = wav16.unfold(-1, self.kaldi.FRAME, self.kaldi.SHIFT)
        frames = frames - frames.mean(dim=-1, keepdim=True)
        previous = torch.cat((frames[..., :1], frames[..., :-1]), dim=-1)
        windowed = (frames - self.kaldi.PREEMPHASIS * previous) * self.kaldi.window
        spectrum = torch.fft.rfft(windowed, n=self.kaldi.N_FFT)
        with torch.autocast(wav16.device.type, enabled=False):
            return torch.view_as_real(spectrum).square().sum(-1) @ self.kaldi.bank.T

    def mel(self, wav22: Tensor) -> Tensor:
        """Log-mel [B, 80, F]."""
        bank = self.spectrogram
        spectrum = torch.stft(
            wav22, bank.N_FFT, bank.HOP, window=bank.window, center=False, return_complex=True
        )  # [B, K, F]
        magnitude = torch.sqrt(torch.view_as_real(spectrum).square().sum(-1) + 1e-9)
        with torch.autocast(wav22.device.type, enabled=False):
            return torch.log((bank.bank @ magnitude).clamp_min(1e-5))


def semantic_input(energies: Tensor) -> Tensor:
    """Energies [B, 2 T, 80] to what w2v-bert reads [B, T, 160], each band normalized over the clip."""
    logs = log_energies(energies * 2.0**30)
    variance, mean = torch.var_mean(logs, dim=1, keepdim=True)
    return ((logs - mean) / torch.sqrt(variance + 1e-7)).unflatten(1, (-1, 2)).flatten(2)


def style_input(energies: Tensor) -> Tensor:
    """Energies [B, 2 T, 80] to what CAMPPlus reads."""
    logs = log_energies(energies)
    return logs - logs.mean(dim=1, keepdim=True)


WINDOW = 960
LAGS = (38, 280)
"""Samples at 16 kHz: 421 down to 57 Hz."""
VOICED_PEAK = 0.55
OCTAVE_COST = 0.03
"""How much clearer a period twice as long must be to count: halving the pitch is the usual mistake."""


def pitch(wav16: Tensor, middle_hz: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Pitch in Hz and whether the voice sounds (bool), both [B, T], of clips `wav16` [B, 320 T + 240].

    The normalized autocorrelation of 60 ms (Boersma 1993). middle_hz [B]: the speaker's usual pitch, where it is known;
    pitches beyond 0.45 to 2.6 times that are then not considered.
    """
    pad = (WINDOW - SAMPLES16) // 2
    frames = functional.pad(wav16[:, : wav16.shape[1] - EDGE16], (pad, pad)).unfold(-1, WINDOW, SAMPLES16)
    frames = frames - frames.mean(dim=-1, keepdim=True)
    window = torch.hann_window(WINDOW, device=wav16.device)
    power = _autocorrelation(frames * window)
    likeness = power / power[..., :1].clamp_min(1e-9) / (_autocorrelation(window) / _autocorrelation(window)[0])
    lags = torch.arange(*LAGS, device=wav16.device)
    scores = likeness[..., LAGS[0] : LAGS[1]] - OCTAVE_COST * torch.log2(lags / LAGS[0])
    if middle_hz is not None:
        hz = 16000 / lags
        allowed = (hz > 0.45 * middle_hz[:, None]) & (hz < 2.6 * middle_hz[:, None])
        scores = scores.masked_fill(~allowed[:, None], -1.0)
    best = scores.argmax(dim=-1, keepdim=True)
    peak = likeness.gather(-1, best + LAGS[0])[..., 0]
    loud = frames.square().mean(dim=-1) > 1e-5
    return 16000 / (lags[best[..., 0]] + _between(likeness, best + LAGS[0])), (peak > VOICED_PEAK) & loud


def _autocorrelation(frames: Tensor) -> Tensor:
    """[..., N] to its first `LAGS[1] + 1` lags."""
    spectrum = torch.fft.rfft(frames, n=2048)
    return torch.fft.irfft(torch.view_as_real(spectrum).square().sum(-1))[..., : LAGS[1] + 1]


def _between(likeness: Tensor, place: Tensor) -> Tensor:
    """The top of the parabola through a peak and its neighbours, in samples from the peak."""
    left, middle, right = (likeness.gather(-1, place + shift)[..., 0] for shift in (-1, 0, 1))
    return (0.5 * (left - right) / (left - 2 * middle + right).clamp_max(-1e-6)).clamp(-0.5, 0.5)

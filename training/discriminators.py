"""What the vocoder must not be caught by: the waveform folded at prime periods, and its spectrograms.

Small ones after Kong et al. 2020 (periods) and Jang et al. 2021 (resolutions). B clips, N samples.
"""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.1
PERIODS = (2, 3, 5, 7, 11)
RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))
"""FFT size and hop."""

Verdict = tuple[Tensor, list[Tensor]]
"""Scores of any shape, and the features of every layer on the way to them."""


class PeriodDiscriminator(nn.Module):
    def __init__(self, period: int, channels: tuple[int, ...] = (16, 32, 64, 128)) -> None:
        super().__init__()
        self.period = period
        widths = (1, *channels)
        self.layers = nn.ModuleList(
            nn.utils.parametrizations.weight_norm(nn.Conv2d(i, o, (5, 1), (3, 1), (2, 0)))
            for i, o in itertools.pairwise(widths)
        )
        self.score = nn.utils.parametrizations.weight_norm(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, wav: Tensor) -> Verdict:
        """wav [B, N]."""
        padded = functional.pad(wav, (0, -wav.shape[-1] % self.period), mode="reflect")
        return _through(self.layers, self.score, padded.unflatten(-1, (-1, self.period))[:, None])


class SpectrumDiscriminator(nn.Module):
    window: Tensor

    def __init__(self, n_fft: int, hop: int, channels: int = 24) -> None:
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        shapes = [
            ((3, 9), (1, 1), 1),
            ((3, 9), (1, 2), channels),
            ((3, 9), (1, 2), channels),
            ((3, 3), (1, 2), channels),
        ]
        self.layers = nn.ModuleList(
            nn.utils.parametrizations.weight_norm(
                nn.Conv2d(inputs, channels, kernel, stride, (kernel[0] // 2, kernel[1] // 2))
            )
            for kernel, stride, inputs in shapes
        )
        self.score = nn.utils.parametrizations.weight_norm(nn.Conv2d(channels, 1, 3, padding=1))
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, wav: Tensor) -> Verdict:
        return _through(self.layers, self.score, magnitude(wav, self.n_fft, self.hop, self.window).mT[:, None])


class Discriminators(nn.ModuleList):
    """All of them."""

    def __init__(self) -> None:
        super().__init__([
            *(PeriodDiscriminator(period) for period in PERIODS),
            *(SpectrumDiscriminator(*resolution) for resolution in RESOLUTIONS),
        ])  # fmt: skip

    def forward(self, wav: Tensor) -> list[Verdict]:
        """wav [B, N]."""
        return [discriminator(wav) for discriminator in self]


def magnitude(wav: Tensor, n_fft: int, hop: int, window: Tensor) -> Tensor:
    """Magnitudes float32 [B, K, frames] of wav [B, N]."""
    with torch.autocast(wav.device.type, enabled=False):
        spectrum = torch.stft(wav.float(), n_fft, hop, window=window, return_complex=True)
        return torch.sqrt(torch.view_as_real(spectrum).square().sum(-1) + 1e-7)


def discriminator_loss(real: list[Verdict], made: list[Verdict]) -> Tensor:
    """Least squares: 1 for what is real, 0 for what is made."""
    away = [(score.float() - 1).square().mean() for score, _ in real]
    return torch.stack([*away, *(score.float().square().mean() for score, _ in made)]).sum()


def generator_losses(real: list[Verdict], made: list[Verdict]) -> tuple[Tensor, Tensor]:
    """How far the made one's scores are from 1, and its features from the real one's."""
    adversarial = torch.stack([(score.float() - 1).square().mean() for score, _ in made]).sum()
    pairs = [
        pair for (_, wanted), (_, found) in zip(real, made, strict=True) for pair in zip(wanted, found, strict=True)
    ]
    return adversarial, torch.stack([(found.float() - wanted.float()).abs().mean() for wanted, found in pairs]).sum()


def _through(layers: nn.ModuleList, score: nn.Module, x: Tensor) -> Verdict:
    features = []
    for layer in layers:
        x = functional.leaky_relu(layer(x), SLOPE)
        features.append(x)
    return score(x), features

"""Anti-aliased snake-beta, in plain torch: up by two, x + sin(a x)^2 / b, down by two (Lee et al. 2023, BigVGAN).

Both filters have the same 12 taps. Beyond its ends each signal, also the one in between, holds its last value.

Dimensions: B lines, C channels, T samples.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .snake_blocks import REACH, TAPS, snake_in_blocks

CROP = 15
"""Upsampled samples that come of the padding alone, at either end."""


@lru_cache(maxsize=1)
def kaiser_taps() -> tuple[float, ...]:
    """The low-pass at half the band: 12 taps of a Kaiser-windowed sinc that sum to 1, as float32 values."""
    half, cutoff, half_width = TAPS // 2, 0.25, 0.3
    attenuation = 2.285 * (half - 1) * math.pi * 4 * half_width + 7.95
    beta = 0.1102 * (attenuation - 8.7)  # Kaiser's rule above 50 dB; this filter has 51
    window = torch.kaiser_window(TAPS, beta=beta, periodic=False, dtype=torch.float32, device="cpu")
    time = torch.arange(-half, half, dtype=torch.float32, device="cpu") + 0.5
    taps = 2 * cutoff * window * torch.sinc(2 * cutoff * time)
    return tuple((taps / taps.sum()).tolist())


class SnakeBeta(nn.Module):
    """Per-channel frequency `alpha` and magnitude `beta`, stored as logarithms where `logscale`.

    in_blocks: sum in the order that is fastest on a CPU instead of the reference's.
    """

    def __init__(self, channels: int, logscale: bool) -> None:
        super().__init__()
        self.logscale = logscale
        self.in_blocks = False
        self.alpha = nn.Parameter(torch.empty(channels))
        self.beta = nn.Parameter(torch.empty(channels))

    def parameters_float32(self) -> tuple[Tensor, Tensor]:
        """alpha and 1 / beta as float32 [C]."""
        alpha, beta = self.alpha.float(), self.beta.float()
        if self.logscale:
            alpha, beta = alpha.exp(), beta.exp()
        return alpha, 1.0 / (beta + 1e-9)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] to the same, same dtype; worked in float32."""
        if self.in_blocks:
            return snake_in_blocks(x, *self.parameters_float32(), kaiser_taps())
        return snake_torch(x, *self.parameters_float32())


def snake_torch(x: Tensor, alpha: Tensor, inverse_beta: Tensor) -> Tensor:
    """x [B, C, T] of any floating dtype, alpha and inverse_beta float32 [C]; the kernel's twin.

    The order of operations is the reference's: the network amplifies rounding by orders of magnitude, so that another
    order, no less exact, ends in an audibly equal but numerically different waveform.
    """
    channels = x.shape[1]
    taps = torch.tensor(kaiser_taps(), device=x.device).expand(channels, 1, TAPS)
    padded = F.pad(x.float(), (REACH, REACH), mode="replicate")
    up = 2 * F.conv_transpose1d(padded, taps, stride=2, groups=channels)[..., CROP:-CROP]
    wave = (up * alpha[:, None]).sin_().square_()
    up += wave.mul_(inverse_beta[:, None])
    held = F.pad(up, (REACH, REACH + 1), mode="replicate")
    return F.conv1d(held, taps, stride=2, groups=channels).to(x.dtype)

"""What a recording's samples are made of: channels, an offset, loud and quiet windows.

C channels, N samples.
"""

import torch
from torch import Tensor

WINDOW_SECONDS = 0.02
LOUD_DECIBELS = 40.0
"""How far below the loudest window one still counts as sound."""
OPPOSED_SHARE = 0.15
"""Power of the mean of all channels, as a share of the mean of theirs, below which they cancel each other out."""
OFFSET_SHARE = 0.1
"""Offset, as a share of the rest's level, from which on it is taken away."""


def mix_channels(samples: Tensor) -> Tensor:
    """[C, N] as mono [N]; where the channels cancel each other out, the loudest alone."""
    return pick_loudest(samples) if are_opposed(samples) else samples.mean(dim=0)


def are_opposed(samples: Tensor) -> bool:
    """Whether the channels are in antiphase, as where one plug was wired the wrong way round."""
    if samples.shape[0] == 1:
        return False
    swings = samples - samples.mean(dim=1, keepdim=True)
    return float(swings.mean(dim=0).square().mean()) < OPPOSED_SHARE * float(swings.square().mean())


def pick_loudest(samples: Tensor) -> Tensor:
    """The channel [N] of the most power; the first of several."""
    return samples[int(samples.square().mean(dim=1).argmax())]


def find_offset(samples: Tensor) -> Tensor:
    """The mean of samples [..., N], where it is a fault of the recording, else 0; [..., 1]."""
    mean = samples.mean(dim=-1, keepdim=True)
    level = (samples - mean).square().mean(dim=-1, keepdim=True).sqrt()
    return torch.where(mean.abs() > OFFSET_SHARE * level, mean, 0.0)


def remove_offset(samples: Tensor) -> Tensor:
    """Samples [..., N] around zero; those that are stay as they are."""
    return samples - find_offset(samples)


def window_size(rate: int) -> int:
    """Samples of a window of 20 ms."""
    return max(1, round(WINDOW_SECONDS * rate))


def find_loud_windows(samples: Tensor, size: int) -> Tensor:
    """Which windows of samples [..., N] hold sound: bool [..., windows]."""
    power = window_power(samples, size)
    return (power >= power.amax(dim=-1, keepdim=True) * 10 ** (-LOUD_DECIBELS / 10)) & (power > 0)


def window_power(samples: Tensor, size: int) -> Tensor:
    """Mean square of each window of `size` samples [..., windows]; the last one may be shorter."""
    padded = torch.nn.functional.pad(samples, (0, -samples.shape[-1] % size))
    return padded.unflatten(-1, (-1, size)).square().mean(dim=-1)

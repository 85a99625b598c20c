"""Reference audio for tests: a buzzing tone with a little noise, which every feature extractor can work with."""

import math

import torch


def tone(hz: float, seconds: float = 2.0, sample_rate: int = 16000) -> torch.Tensor:
    """float32 [1, N], peak about 0.5."""
    time = torch.arange(int(seconds * sample_rate)) / sample_rate
    harmonics = sum(torch.sin(2 * math.pi * hz * k * time) / k for k in range(1, 6))
    noise = torch.randn(time.shape, generator=torch.Generator().manual_seed(int(hz)))
    return (0.25 * harmonics + 0.01 * noise)[None]

"""Content at the codes' rate into conditions at the mel's rate.

Dimensions: B lines, T codes, F mel frames, W content width, C channels.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from ..runtime.matmul_convolution import MatmulConv1d
from .config import LengthRegulatorConfig


class LengthRegulator(nn.Module):
    """Linear, nearest interpolation to the asked number of frames, a stack of convolutions."""

    def __init__(self, config: LengthRegulatorConfig) -> None:
        super().__init__()
        channels = config.channels
        layers: list[nn.Module] = []
        for _ in config.sampling_ratios:
            layers += [MatmulConv1d(channels, channels, 3), nn.GroupNorm(1, channels), nn.Mish()]
        self.content_in_proj = nn.Linear(config.in_channels, channels)
        self.model = nn.Sequential(*layers, MatmulConv1d(channels, channels))

    def forward(self, content: Tensor, frames: int) -> Tensor:
        """content [B, T, W] to conditions [B, frames, C], in the weights' dtype."""
        x = self.content_in_proj(content).transpose(1, 2)
        x = F.interpolate(x, size=frames, mode="nearest")
        return self.model(x).transpose(1, 2)

"""One layer of the diffusion transformer (DiT), its weights: how they are applied is in `stages.py`.

Dimensions: D width, S steps.
"""

import torch
from torch import Tensor, nn

from .config import DiTConfig
from .step_tables import linear_float32


class AdaptiveRMSNorm(nn.Module):
    """RMS norm whose scale and shift are read from the time embedding."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project_layer = nn.Linear(width, 2 * width)
        self.norm = nn.ParameterDict({"weight": torch.empty(width)})

    def modulation_table(self, time: Tensor) -> Tensor:
        """time [S, D] to float32 [S, 2, D]: scale, the norm's own weight multiplied in, and shift."""
        scale, shift = linear_float32(self.project_layer, time).chunk(2, dim=-1)
        return torch.stack([scale * self.norm["weight"].float(), shift], dim=1)


class DiTAttention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.wqkv = nn.Linear(width, 3 * width, bias=False)
        self.wo = nn.Linear(width, width, bias=False)


class DiTFeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        inner = -(-int(8 * width / 3) // 256) * 256
        self.w13 = nn.Linear(width, 2 * inner, bias=False)
        self.w2 = nn.Linear(inner, width, bias=False)


class DiTBlock(nn.Module):
    """One layer. Blocks of the upper half first merge in what a block of the lower half put out."""

    def __init__(self, config: DiTConfig, merges: bool) -> None:
        super().__init__()
        width = config.hidden_dim
        self.heads = config.num_heads
        self.attention = DiTAttention(width)
        self.feed_forward = DiTFeedForward(width)
        self.attention_norm = AdaptiveRMSNorm(width)
        self.ffn_norm = AdaptiveRMSNorm(width)
        self.skip_in_linear = nn.Linear(2 * width, width) if merges else None

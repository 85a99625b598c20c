"""The estimator's transformer: adaptive RMS norms, rotary attention, gated feed-forward, U-ViT skips (Bao et al. 2023).

Dimensions: N tokens, D width, H heads, S steps.
"""

from typing import cast

import torch
from torch import Tensor, nn

from . import ops
from .config import DiTConfig
from .packing import Packing
from .schedule import linear32

EPS = 1e-5


class AdaptiveNorm(nn.Module):
    """RMS norm whose scale and shift are read from the time embedding."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project_layer = nn.Linear(width, 2 * width)
        self.norm = nn.ParameterDict({"weight": torch.empty(width)})

    def table(self, time: Tensor) -> Tensor:
        """time [S, D] to float32 [S, 2, D]: scale, the norm's own weight multiplied in, and shift."""
        scale, shift = linear32(self.project_layer, time).chunk(2, dim=-1)
        return torch.stack([scale * self.norm["weight"].float(), shift], dim=1)


class Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.wqkv = nn.Linear(width, 3 * width, bias=False)
        self.wo = nn.Linear(width, width, bias=False)


class FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        inner = -(-int(8 * width / 3) // 256) * 256
        self.w13 = nn.Linear(width, 2 * inner, bias=False)
        self.w2 = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.w2(ops.swiglu(self.w13(x)))


class Block(nn.Module):
    """One layer. Blocks of the upper half first merge in what a block of the lower half put out."""

    def __init__(self, config: DiTConfig, merges: bool) -> None:
        super().__init__()
        width = config.hidden_dim
        self.heads = config.num_heads
        self.attention = Attention(width)
        self.feed_forward = FeedForward(width)
        self.attention_norm = AdaptiveNorm(width)
        self.ffn_norm = AdaptiveNorm(width)
        self.skip_in_linear = nn.Linear(2 * width, width) if merges else None

    def attend(self, x: Tensor, packing: Packing) -> Tensor:
        """Normed x [N, D] to the attention's output [N, D]."""
        cosine, sine = packing.rotation(x.shape[-1] // self.heads)
        qkv = ops.rotate(self.attention.wqkv(x), cosine, sine, self.heads)
        return self.attention.wo(ops.attention(qkv, packing))


class Transformer(nn.Module):
    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.middle = config.depth // 2
        self.layers = nn.ModuleList(Block(config, merges=n > self.middle) for n in range(config.depth))
        self.norm = AdaptiveNorm(config.hidden_dim)

    @property
    def blocks(self) -> list[Block]:
        return cast("list[Block]", list(self.layers))

    def tables(self, time: Tensor) -> Tensor:
        """time [S, D] to float32 [S, 2 per block + 1, 2, D], in the order `forward` reads them."""
        norms = [norm for block in self.blocks for norm in (block.attention_norm, block.ffn_norm)]
        return torch.stack([norm.table(time) for norm in (*norms, self.norm)], dim=1)

    def forward(self, stream: Tensor, norms: Tensor, packing: Packing, dtype: torch.dtype) -> Tensor:
        """stream float32 [N, D] and one step's `tables` to [N, D] in `dtype`."""
        skips: list[Tensor] = []
        delta: Tensor | None = None
        for number, block in enumerate(self.blocks):
            if block.skip_in_linear is not None:
                merged = ops.residual_cat(stream, delta, skips.pop(), dtype)
                stream, delta = block.skip_in_linear(merged).float(), None
            stream, x = ops.residual_norm(stream, delta, norms[2 * number], EPS, dtype)
            if 0 < number <= self.middle:
                skips.append(stream)
            stream, x = ops.residual_norm(stream, block.attend(x, packing), norms[2 * number + 1], EPS, dtype)
            delta = block.feed_forward(x)
        return ops.residual_norm(stream, delta, norms[-1], EPS, dtype)[1]

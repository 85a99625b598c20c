"""The estimator's transformer: adaptive RMS norms, rotary attention, gated feed-forward, U-ViT skips (Bao et al. 2023).

Dimensions: N tokens, D width, H heads, S steps.
"""

from typing import cast

import torch
from torch import Tensor, nn

from .config import DiTConfig
from .packing import Packing
from .schedule import linear32
from .stages import Stages


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

    def forward(self, stream: Tensor, norms: Tensor, packing: Packing, stages: Stages) -> tuple[Tensor, Tensor]:
        """stream float32 [N, D] and one step's `tables` to the last block's stream and what is still to be added.

        Where the packing has a tail, both are of that alone.
        """
        skips: list[Tensor] = []
        delta: Tensor | None = None
        for number, block in enumerate(self.blocks):
            rotation = packing.rotation(stream.shape[1] // block.heads)
            skip = skips.pop() if block.skip_in_linear is not None else None
            stream, qkv = stages.before(block, stream, delta, skip, norms[2 * number])
            if 0 < number <= self.middle:
                skips.append(stream)
            attended = stages.ops.attention(stages.ops.rotate(qkv, *rotation, block.heads), packing)
            if packing.tail is not None and number == len(self.layers) - 1:
                stream, attended = stream[packing.tail.tokens], attended[packing.tail.tokens]
            stream, delta = stages.after(block, stream, attended, norms[2 * number + 1])
        assert delta is not None, "a transformer has at least one block"
        return stream, delta

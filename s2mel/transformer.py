"""The estimator's transformer: adaptive RMS norms, rotary attention, gated feed-forward, U-ViT skips (Bao et al. 2023).

Dimensions: N tokens, D width, H heads, S steps.
"""

from typing import cast

import torch
from torch import Tensor, nn

from .config import DiTConfig
from .dit_block import AdaptiveRMSNorm, DiTBlock
from .packing import Packing
from .stages import EstimatorStages


class Transformer(nn.Module):
    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.middle = config.depth // 2
        self.layers = nn.ModuleList(DiTBlock(config, merges=n > self.middle) for n in range(config.depth))
        self.norm = AdaptiveRMSNorm(config.hidden_dim)

    @property
    def blocks(self) -> list[DiTBlock]:
        return cast("list[DiTBlock]", list(self.layers))

    def modulation_tables(self, time: Tensor) -> Tensor:
        """time [S, D] to float32 [S, 2 per block + 1, 2, D], in the order `forward` reads them."""
        norms = [norm for block in self.blocks for norm in (block.attention_norm, block.ffn_norm)]
        return torch.stack([norm.modulation_table(time) for norm in (*norms, self.norm)], dim=1)

    def forward(
        self, stream: Tensor, norms: Tensor, packing: Packing, stages: EstimatorStages
    ) -> tuple[Tensor, Tensor]:
        """stream float32 [N, D] and one step's `modulation_tables` to the last block's stream and what is to be added.

        Where the packing has a generated region, both are of that alone.
        """
        skips: list[Tensor] = []
        delta: Tensor | None = None
        for number, block in enumerate(self.blocks):
            rotary = packing.rotary_tables(stream.shape[1] // block.heads)
            skip = skips.pop() if block.skip_in_linear is not None else None
            stream, qkv = stages.attention_input(block, stream, delta, skip, norms[2 * number])
            if 0 < number <= self.middle:
                skips.append(stream)
            attended = stages.ops.packed_attention(stages.ops.apply_rotary(qkv, *rotary, block.heads), packing)
            del qkv, skip  # nothing holds them while the feed-forward takes the most
            delta = None
            if packing.generated is not None and number == len(self.layers) - 1:
                stream, attended = stream[packing.generated.token_index], attended[packing.generated.token_index]
            stream, delta = stages.attention_output_and_mlp(block, stream, attended, norms[2 * number + 1])
        assert delta is not None, "a transformer has at least one block"
        return stream, delta

"""The estimator's pieces between attentions and convolutions, each a function of one layer's weights and some tokens.

They are what a compiler gets to see: small, without loops or lines' bounds, the same for all layers.
Dimensions: M frames, R branches, N = R * M tokens, D width, W WaveNet width, H heads, E head width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .dit_block import DiTBlock, DiTFeedForward
from .ops import EstimatorOps

NORM_EPS = 1e-5
HEAD_EPS = 1e-6
MIDDLE_BYTES = 3 << 20
"""Of the feed-forward's wide middle at a time on a CPU: 256 tokens of the released model, 768 of the small voice's."""


class EstimatorStages:
    def __init__(self, ops: EstimatorOps) -> None:
        self.ops = ops

    def embed_frames(self, x: Tensor, constants: Tensor, weight: Tensor) -> Tensor:
        """x float32 [M, bands] on top of the constants [R, M, D]: the residual stream, float32 [N, D]."""
        return (constants + F.linear(x.to(weight.dtype), weight)).flatten(0, 1)

    def attention_input(
        self,
        block: DiTBlock,
        stream: Tensor,
        delta: Tensor | None,
        skip: Tensor | None,
        norm: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Up to the attention: the stream with `delta` [N, D] in it, and queries, keys, values side by side [N, 3D]."""
        wqkv = block.attention.wqkv
        if block.skip_in_linear is not None:
            merged = self.ops.residual_cat(stream, delta, skip, wqkv.weight.dtype)
            stream, delta = block.skip_in_linear(merged), None
        stream, x = self.ops.residual_norm(stream, delta, norm, NORM_EPS, wqkv.weight.dtype)
        return stream, wqkv(x)

    def attention_output_and_mlp(
        self, block: DiTBlock, stream: Tensor, attended: Tensor, norm: Tensor
    ) -> tuple[Tensor, Tensor]:
        """From the attention on: the stream with it in, and what the feed-forward adds to it, [N, D]."""
        stream, x = self.ops.residual_norm(stream, block.attention.wo(attended), norm, NORM_EPS, attended.dtype)
        return stream, self._feed_forward(block.feed_forward, x)

    def _feed_forward(self, layer: DiTFeedForward, x: Tensor) -> Tensor:
        """[N, D] to [N, D]; on a CPU some tokens at a time, whose wide middle stays in the cache.

        Compiled it is one piece: the compiler would make code for every number of parts.
        """
        whole = x.device.type != "cpu" or torch.compiler.is_compiling()
        tokens = max(1, MIDDLE_BYTES // (layer.w13.out_features * x.element_size()))
        parts = (x,) if whole else x.split(tokens)
        done = [layer.w2(self.ops.swiglu(layer.w13(part))) for part in parts]
        return done[0] if len(done) == 1 else torch.cat(done)

    def final_projection(
        self, stream: Tensor, delta: Tensor, norm: Tensor, x: Tensor, skip: nn.Linear, enter: nn.Linear
    ) -> tuple[Tensor, Tensor]:
        """Out of the transformer: its output beside x [M, bands] through `skip`, [N, D], and that through `enter`."""
        dtype = skip.weight.dtype
        normed = self.ops.residual_norm(stream, delta, norm, NORM_EPS, dtype)[1]
        frames = x.to(dtype).repeat(len(normed) // len(x), 1)
        long = skip(torch.cat([normed, frames], dim=-1))
        return long, enter(long)

    def wavenet_residual(self, stream: Tensor, gated: Tensor, layer: nn.Linear) -> tuple[Tensor, Tensor]:
        """One WaveNet layer's residual: the stream float32 [N, W], and the same in the weights' dtype."""
        return self.ops.residual_add(stream, layer(gated), gated.dtype)

    def velocity_head(self, hidden: Tensor, table: Tensor, first: nn.Linear, last: nn.Conv1d) -> Tensor:
        """hidden [N, W] to the velocity float32 [N, bands]."""
        normed = self.ops.modulated_norm(hidden, table, HEAD_EPS, hidden.dtype)
        return F.linear(first(normed), last.weight.squeeze(-1), last.bias).float()

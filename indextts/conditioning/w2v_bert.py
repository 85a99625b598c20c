"""The layers of w2v-bert-2.0 (arXiv 2312.05187): conformers with attention by distance and convolutions that look back.

Weights may be stored in half precision; what is computed with them has the precision of float32.

B recordings, T tokens (50 a second), W width, H heads, E head width, P distances told apart.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...runtime.split_matmul import float32_linear
from ..config import W2VBertConfig


class Linear(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        """float32 to float32, whatever dtype the weights are stored in."""
        return float32_linear(x, self.weight, self.bias)


class LayerNorm(nn.LayerNorm):
    def forward(self, x: Tensor) -> Tensor:
        """float32 to float32, whatever dtype the weights are stored in."""
        return functional.layer_norm(x, self.normalized_shape, self.weight.float(), self.bias.float(), self.eps)


class Surroundings(NamedTuple):
    """What all layers know of a recording's tokens, worked out once.

    whole: float32 [T, 1], 0 where a token is padding. hidden: float32 [T], minus infinity there. distances: int64
    [T, T], the row of `distance_embedding` for a query and a key.
    """

    whole: Tensor
    hidden: Tensor
    distances: Tensor


class FeatureProjection(nn.Module):
    def __init__(self, config: W2VBertConfig) -> None:
        super().__init__()
        self.layer_norm = LayerNorm(config.feature_projection_input_dim, eps=config.layer_norm_eps)
        self.projection = Linear(config.feature_projection_input_dim, config.hidden_size)

    def forward(self, features: Tensor) -> Tensor:
        """[B, T, features] to [B, T, W]."""
        return self.projection(self.layer_norm(features))


class Layer(nn.Module):
    def __init__(self, config: W2VBertConfig) -> None:
        super().__init__()
        width, eps = config.hidden_size, config.layer_norm_eps
        self.ffn1_layer_norm = LayerNorm(width, eps=eps)
        self.ffn1 = _FeedForward(config)
        self.self_attn_layer_norm = LayerNorm(width, eps=eps)
        self.self_attn = _Attention(config)
        self.conv_module = _Convolution(config)
        self.ffn2_layer_norm = LayerNorm(width, eps=eps)
        self.ffn2 = _FeedForward(config)
        self.final_layer_norm = LayerNorm(width, eps=eps)

    def forward(self, x: Tensor, around: Surroundings) -> Tensor:
        """[B, T, W] to [B, T, W]."""
        x = torch.add(x, self.ffn1(self.ffn1_layer_norm(x)), alpha=0.5)
        x = x + self.self_attn(self.self_attn_layer_norm(x), around)
        x = x + self.conv_module(x, around)
        x = torch.add(x, self.ffn2(self.ffn2_layer_norm(x)), alpha=0.5)
        return self.final_layer_norm(x)


class _FeedForward(nn.Module):
    def __init__(self, config: W2VBertConfig) -> None:
        super().__init__()
        self.intermediate_dense = Linear(config.hidden_size, config.intermediate_size)
        self.output_dense = Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.output_dense(functional.silu(self.intermediate_dense(x)))


class _Attention(nn.Module):
    """Scores are q · k plus q · d, where d is one of P vectors by how far the key is from the query."""

    def __init__(self, config: W2VBertConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.heads = config.num_attention_heads
        self.linear_qkv = Linear(width, 3 * width)
        self.linear_out = Linear(width, width)
        self.distance_embedding = nn.Embedding(config.relative_position_count, width // self.heads)

    def forward(self, x: Tensor, around: Surroundings) -> Tensor:
        query, key, value = self.linear_qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query = query * query.shape[-1] ** -0.5
        # A query meets P distances, not T keys: P products are made and spread over the keys.
        by_distance = query @ self.distance_embedding.weight.float().T  # [B, H, T, P]
        bias = by_distance.gather(-1, around.distances.expand(*by_distance.shape[:3], -1)) + around.hidden
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=1.0)
        return self.linear_out(attended.transpose(1, 2).flatten(2))


class _Convolution(nn.Module):
    def __init__(self, config: W2VBertConfig) -> None:
        super().__init__()
        width, kernel = config.hidden_size, config.conv_depthwise_kernel_size
        self.layer_norm = LayerNorm(width, eps=config.layer_norm_eps)
        self.pointwise_conv1 = Linear(width, 2 * width, bias=False)
        self.depthwise_conv = nn.Conv1d(width, width, kernel, groups=width, bias=False)
        self.depthwise_layer_norm = LayerNorm(width, eps=config.layer_norm_eps)
        self.pointwise_conv2 = Linear(width, width, bias=False)

    def forward(self, x: Tensor, around: Surroundings) -> Tensor:
        gated = functional.glu(self.pointwise_conv1(self.layer_norm(x) * around.whole), dim=-1)
        filters = self.depthwise_conv.weight.float()
        seen = functional.pad(gated.mT, (filters.shape[-1] - 1, 0))
        filtered = functional.conv1d(seen, filters, groups=filters.shape[0])
        return self.pointwise_conv2(functional.silu(self.depthwise_layer_norm(filtered.mT)))


def surroundings(whole: Tensor, config: W2VBertConfig) -> Surroundings:
    """Of tokens of which `whole` (bool [T]) are no padding; those are heard by nobody."""
    place = torch.arange(whole.shape[0], device=whole.device)
    left, right = config.left_max_position_embeddings, config.right_max_position_embeddings
    distances = (place - place[:, None]).clamp(-left, right) + left
    hidden = torch.zeros(whole.shape, device=whole.device).masked_fill(~whole, float("-inf"))
    return Surroundings(whole.float()[:, None], hidden, distances)

"""The layers of w2v-bert-2.0 (arXiv 2312.05187): conformers with relative-key attention and causal convolutions.

Weights may be stored in half precision; what is computed with them has the precision of float32.

B recordings, T tokens (50 a second), W width, H heads, E head width, P relative positions.
"""

from collections import OrderedDict
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...runtime.split_matmul import float32_linear
from ..config import W2VBertConfig


class MixedPrecisionLinear(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        """float32 to float32, whatever dtype the weights are stored in."""
        return float32_linear(x, self.weight, self.bias)


class MixedPrecisionLayerNorm(nn.LayerNorm):
    def forward(self, x: Tensor) -> Tensor:
        """float32 to float32, whatever dtype the weights are stored in."""
        return functional.layer_norm(x, self.normalized_shape, self.weight.float(), self.bias.float(), self.eps)


class AttentionInputs(NamedTuple):
    """Masks and relative positions of one recording's tokens, shared by all layers.

    token_mask: float32 [T, 1], 0 for tokens of padding. key_bias: float32 [T], minus infinity for those. distances:
    int64 [T, T], the row of `distance_embedding` for a query and a key.
    """

    token_mask: Tensor
    key_bias: Tensor
    distances: Tensor


def build_feature_projection(config: W2VBertConfig) -> nn.Sequential:
    """[B, T, features] to [B, T, W]."""
    norm = MixedPrecisionLayerNorm(config.feature_projection_input_dim, eps=config.layer_norm_eps)
    projection = MixedPrecisionLinear(config.feature_projection_input_dim, config.hidden_size)
    return nn.Sequential(OrderedDict(layer_norm=norm, projection=projection))


class W2VBertLayer(nn.Module):
    def __init__(self, config: W2VBertConfig) -> None:
        super().__init__()
        width, eps = config.hidden_size, config.layer_norm_eps
        self.ffn1_layer_norm = MixedPrecisionLayerNorm(width, eps=eps)
        self.ffn1 = _build_w2v_feed_forward(config)
        self.self_attn_layer_norm = MixedPrecisionLayerNorm(width, eps=eps)
        self.self_attn = _DistanceAttention(config)
        self.conv_module = _CausalConvolution(config)
        self.ffn2_layer_norm = MixedPrecisionLayerNorm(width, eps=eps)
        self.ffn2 = _build_w2v_feed_forward(config)
        self.final_layer_norm = MixedPrecisionLayerNorm(width, eps=eps)

    def forward(self, x: Tensor, inputs: AttentionInputs) -> Tensor:
        """[B, T, W] to [B, T, W]."""
        x = torch.add(x, self.ffn1(self.ffn1_layer_norm(x)), alpha=0.5)
        x = x + self.self_attn(self.self_attn_layer_norm(x), inputs)
        x = x + self.conv_module(x, inputs)
        x = torch.add(x, self.ffn2(self.ffn2_layer_norm(x)), alpha=0.5)
        return self.final_layer_norm(x)


def _build_w2v_feed_forward(config: W2VBertConfig) -> nn.Sequential:
    inner = MixedPrecisionLinear(config.hidden_size, config.intermediate_size)
    outer = MixedPrecisionLinear(config.intermediate_size, config.hidden_size)
    return nn.Sequential(OrderedDict(intermediate_dense=inner, silu=nn.SiLU(), output_dense=outer))


class _DistanceAttention(nn.Module):
    """Scores are q · k plus q · d, where d is one of P vectors by how far the key is from the query."""

    def __init__(self, config: W2VBertConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.heads = config.num_attention_heads
        self.linear_qkv = MixedPrecisionLinear(width, 3 * width)
        self.linear_out = MixedPrecisionLinear(width, width)
        self.distance_embedding = nn.Embedding(config.relative_position_count, width // self.heads)

    def forward(self, x: Tensor, inputs: AttentionInputs) -> Tensor:
        query, key, value = self.linear_qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query = query * query.shape[-1] ** -0.5
        # A query meets P distances, not T keys: P products are made and spread over the keys.
        by_distance = query @ self.distance_embedding.weight.float().T  # [B, H, T, P]
        bias = by_distance.gather(-1, inputs.distances.expand(*by_distance.shape[:3], -1)) + inputs.key_bias
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=1.0)
        return self.linear_out(attended.transpose(1, 2).flatten(2))


class _CausalConvolution(nn.Module):
    def __init__(self, config: W2VBertConfig) -> None:
        super().__init__()
        width, kernel = config.hidden_size, config.conv_depthwise_kernel_size
        self.layer_norm = MixedPrecisionLayerNorm(width, eps=config.layer_norm_eps)
        self.pointwise_conv1 = MixedPrecisionLinear(width, 2 * width, bias=False)
        self.depthwise_conv = nn.Conv1d(width, width, kernel, groups=width, bias=False)
        self.depthwise_layer_norm = MixedPrecisionLayerNorm(width, eps=config.layer_norm_eps)
        self.pointwise_conv2 = MixedPrecisionLinear(width, width, bias=False)

    def forward(self, x: Tensor, inputs: AttentionInputs) -> Tensor:
        gated = functional.glu(self.pointwise_conv1(self.layer_norm(x) * inputs.token_mask), dim=-1)
        filters = self.depthwise_conv.weight.float()
        padded = functional.pad(gated.mT, (filters.shape[-1] - 1, 0))
        filtered = functional.conv1d(padded, filters, groups=filters.shape[0])
        return self.pointwise_conv2(functional.silu(self.depthwise_layer_norm(filtered.mT)))


def build_attention_inputs(token_mask: Tensor, config: W2VBertConfig) -> AttentionInputs:
    """token_mask: bool [T], False for tokens of padding: no other token attends to them."""
    place = torch.arange(token_mask.shape[0], device=token_mask.device)
    left, right = config.left_max_position_embeddings, config.right_max_position_embeddings
    distances = (place - place[:, None]).clamp(-left, right) + left
    key_bias = torch.zeros(token_mask.shape, device=token_mask.device).masked_fill(~token_mask, float("-inf"))
    return AttentionInputs(token_mask.float()[:, None], key_bias, distances)

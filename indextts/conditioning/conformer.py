"""The conformer (arXiv 2005.08100) that reads semantic features for the voice and for the emotion.

B recordings, T semantic tokens, S = (T - 1) // 2 subsampled positions, W semantic width, D width, H heads.
The released model was used without masks, on one recording at a time; with a `padding_mask` (see `padding.py`) a padded
recording gives the same.
"""

import math
from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...runtime.matmul_convolution import MatmulConv1d
from ...runtime.planless_attention import attend_planless
from ..config import ConformerConfig
from ..errors import ConfigError
from .padding import to_attention_mask, zero_padding

KERNEL = 15
"""Frames under the convolution module's depthwise filter."""


class Conformer(nn.Module):
    """With the released tensor names. Raises `ConfigError` for a subsampling other than conv2d2."""

    def __init__(self, config: ConformerConfig, input_width: int) -> None:
        super().__init__()
        if config.input_layer != "conv2d2":
            raise ConfigError(
                f"conformer input_layer: got {config.input_layer!r}, expected 'conv2d2'; "
                "use the config.yaml released with IndexTTS-2"
            )
        self.embed = _Subsampling(input_width, config.output_size)
        self.encoders = nn.ModuleList(_ConformerBlock(config) for _ in range(config.num_blocks))
        self.after_norm = nn.LayerNorm(config.output_size)

    def forward(self, features: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Semantic features [B, T, W], T >= 3, to [B, S, D]. padding_mask: bool [S], see `subsample_mask`."""
        x = self.embed(features)
        positions = sinusoidal_positions(x.shape[1], x.shape[2], x.device, x.dtype)
        for block in self.encoders:
            x = block(x, positions, padding_mask)
        return self.after_norm(x)


def subsample_mask(padding_mask: Tensor | None) -> Tensor | None:
    """Padding mask [T] of features as that [S] of the conformer's output: position s reads tokens 2·s to 2·s + 2."""
    return None if padding_mask is None else padding_mask[2::2]


def sinusoidal_positions(length: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Sine and cosine of positions 0…length, interleaved: [length, width] (arXiv 1706.03762)."""
    steps = torch.arange(0, width, 2, device=device, dtype=torch.float32)
    frequencies = torch.exp(steps * (-math.log(10000.0) / width))
    angles = torch.arange(length, device=device, dtype=torch.float32)[:, None] * frequencies
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1).to(dtype)


class _Subsampling(nn.Module):
    """Halves the rate with one convolution over time and feature."""

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(_PatchConv2d(1, width, kernel_size=3, stride=2))
        self.out = nn.Sequential(nn.Linear(width * ((input_width - 1) // 2), width))
        self.scale = math.sqrt(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.conv(x).relu_().flatten(2)) * self.scale


class _PatchConv2d(nn.Conv2d):
    """A convolution as one matrix product of patches (im2col), written as the layer after it reads it.

    cuDNN would lay its output, a hundred times its input, out anew twice, each time beside the first.
    """

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, W] to [B, S, D, (W - 1) // 2]."""
        assert self.bias is not None, "the released convolution has one"
        (high, wide), (down, across) = self.kernel_size, self.stride
        patches = x.unfold(1, high, down).unfold(2, wide, across).permute(0, 1, 3, 4, 2).flatten(2, 3)
        return (self.weight.flatten(1) @ patches).add_(self.bias[:, None])


class _ConformerBlock(nn.Module):
    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        width = config.output_size
        self.self_attn = _RelativeAttention(width, config.attention_heads)
        self.conv_module = _ConvolutionModule(width)
        inner, outer = nn.Linear(width, config.linear_units), nn.Linear(config.linear_units, width)
        self.feed_forward = nn.Sequential(OrderedDict(w_1=inner, silu=nn.SiLU(), w_2=outer))
        self.norm_mha = nn.LayerNorm(width)
        self.norm_conv = nn.LayerNorm(width)
        self.norm_ff = nn.LayerNorm(width)
        self.norm_final = nn.LayerNorm(width)

    def forward(self, x: Tensor, positions: Tensor, padding_mask: Tensor | None) -> Tensor:
        x = x + self.self_attn(self.norm_mha(x), positions, padding_mask)
        x = x + self.conv_module(self.norm_conv(x), padding_mask)
        x = x + self.feed_forward(self.norm_ff(x))
        return self.norm_final(x)


class _RelativeAttention(nn.Module):
    """Attention whose keys have a position part (arXiv 1901.02860, without the shift: positions count from 0)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.head_dim = heads, width // heads
        self.linear_q = nn.Linear(width, width)
        self.linear_k = nn.Linear(width, width)
        self.linear_v = nn.Linear(width, width)
        self.linear_out = nn.Linear(width, width)
        self.linear_pos = nn.Linear(width, width, bias=False)
        self.pos_bias_u = nn.Parameter(torch.zeros(heads, self.head_dim))
        self.pos_bias_v = nn.Parameter(torch.zeros(heads, self.head_dim))

    def forward(self, x: Tensor, positions: Tensor, padding_mask: Tensor | None) -> Tensor:
        query = self._split_heads(self.linear_q(x))
        key, value = self._split_heads(self.linear_k(x)), self._split_heads(self.linear_v(x))
        place = self._split_heads(self.linear_pos(positions)[None]).expand_as(key)
        # (q + u)·k + (q + v)·p is one dot product over twice the width.
        queries = torch.cat((query + self.pos_bias_u[:, None], query + self.pos_bias_v[:, None]), dim=-1)
        keys = torch.cat((key, place), dim=-1)
        attended = attend_planless(queries, keys, value, to_attention_mask(padding_mask), scale=self.head_dim**-0.5)
        return self.linear_out(attended.transpose(1, 2).flatten(2))

    def _split_heads(self, x: Tensor) -> Tensor:
        """[B, S, D] to [B, H, S, D/H]."""
        return x.unflatten(-1, (self.heads, self.head_dim)).transpose(1, 2)


class _ConvolutionModule(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.pointwise_conv1 = MatmulConv1d(width, 2 * width)
        self.depthwise_conv = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.pointwise_conv2 = MatmulConv1d(width, width)

    def forward(self, x: Tensor, padding_mask: Tensor | None) -> Tensor:
        y = zero_padding(functional.glu(self.pointwise_conv1(x.mT), dim=1), padding_mask)
        y = functional.silu(self.norm(self.depthwise_conv(y).mT))
        return self.pointwise_conv2(y.mT).mT

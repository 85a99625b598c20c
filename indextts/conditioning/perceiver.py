"""The perceiver resampler (arXiv 2103.03206) that turns a conformer's output into a fixed number of latents.

B recordings, S positions, L latents, C context width, D width, H heads.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...runtime.planless_attention import attend_planless
from .padding import to_attention_mask

HEAD_DIM = 64
DEPTH = 2


class Perceiver(nn.Module):
    """With the released tensor names. `mult` sizes the feed-forward layers: D·mult·2/3 inside."""

    def __init__(self, width: int, context_width: int, latents: int, heads: int, mult: int, depth: int = DEPTH) -> None:
        super().__init__()
        self.latents = nn.Parameter(torch.zeros(latents, width))
        self.proj_context = nn.Linear(context_width, width) if context_width != width else nn.Identity()
        self.layers = nn.ModuleList(_PerceiverLayer(width, heads, mult) for _ in range(depth))
        self.norm = _RMSNorm(width)

    def forward(self, context: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """[B, S, C] to [B, L, D]. `padding_mask` [S]: see `padding.py`."""
        context = self.proj_context(context)
        latents = self.latents.expand(context.shape[0], -1, -1)
        if padding_mask is not None:
            padding_mask = functional.pad(padding_mask, (latents.shape[1], 0), value=False)
        attention_mask = to_attention_mask(padding_mask)
        for layer in self.layers:
            latents = layer(latents, context, attention_mask)
        return self.norm(latents)


class _PerceiverLayer(nn.ModuleList):
    """A list because its released parts are numbered: 0 is the attention, 1 the feed-forward layers."""

    def __init__(self, width: int, heads: int, mult: int) -> None:
        super().__init__([_PerceiverAttention(width, heads), _build_feed_forward(width, mult)])

    def forward(self, latents: Tensor, context: Tensor, attention_mask: Tensor | None) -> Tensor:
        attention, feed_forward = self
        latents = latents + attention(latents, context, attention_mask)
        return latents + feed_forward(latents)


class _PerceiverAttention(nn.Module):
    """Latents attend to themselves and to the context."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        inner = heads * HEAD_DIM
        self.to_q = nn.Linear(width, inner, bias=False)
        self.to_kv = nn.Linear(width, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, width, bias=False)

    def forward(self, latents: Tensor, context: Tensor, attention_mask: Tensor | None) -> Tensor:
        keys, values = self.to_kv(torch.cat((latents, context), dim=1)).chunk(2, dim=-1)
        query = self.to_q(latents)
        attended = attend_planless(_split_heads(query), _split_heads(keys), _split_heads(values), attention_mask)
        return self.to_out(attended.transpose(1, 2).flatten(2))


def _split_heads(x: Tensor) -> Tensor:
    """[B, L, H·64] to [B, H, L, 64]."""
    return x.unflatten(-1, (-1, HEAD_DIM)).transpose(1, 2)


class _GatedGELU(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        value, gate = x.chunk(2, dim=-1)
        return value * functional.gelu(gate)


class _MaybeEmptyLinear(nn.Linear):
    """One that may have no inputs or outputs (`mult` 0); PyTorch warns where it draws weights for such a one."""

    def reset_parameters(self) -> None:
        if self.weight.numel() > 0:
            super().reset_parameters()
        else:
            nn.init.zeros_(self.bias)


def _build_feed_forward(width: int, mult: int) -> nn.Sequential:
    inner = width * mult * 2 // 3
    return nn.Sequential(_MaybeEmptyLinear(width, 2 * inner), _GatedGELU(), _MaybeEmptyLinear(inner, width))


class _RMSNorm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return functional.normalize(x, dim=-1) * (x.shape[-1] ** 0.5 * self.gamma)

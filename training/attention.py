"""Attention in bfloat16 on a GPU, all else in float32 with TF32 products.

Autocast would cast every weight in every update: hundreds of small kernels, and the host launches each. Only attention
needs half precision to be fast.
B lines, T codes, D width, H heads.
"""

from functools import partial
from typing import Any

from indextts2_multitalk.indextts.gpt.model import UnifiedVoice
from torch import Tensor
from torch.nn import functional


def halved(x: Tensor) -> Tensor:
    """bfloat16 on a GPU, as it is on a CPU."""
    return x.bfloat16() if x.is_cuda else x


def halve_attention(model: UnifiedVoice) -> None:
    """Let the decoder's attention run in half precision; weights and names stay."""
    for block in model.gpt.h:
        attention: Any = block.attn
        vars(attention)["forward"] = partial(_attend, attention)


def _attend(attention: Any, x: Tensor, past: None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """x: [B, T, D], whole lines."""
    assert past is None, "training has no cache"
    q, k, v = halved(attention.c_attn(x)).unflatten(-1, (3, attention.heads, -1)).permute(2, 0, 3, 1, 4)
    mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return attention.c_proj(mixed.transpose(1, 2).flatten(2).to(x.dtype)), (k, v)

"""The steps between the estimator's matrix products, in plain torch. A CUDA backend may replace each by one kernel.

The residual stream is float32 whatever the weights are; what feeds a matrix product is in the weights' dtype.
Dimensions: N tokens, M frames of all lines, R branches, D width, H heads, E head width, W WaveNet width, K taps.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .packing import Packing


def residual_norm(
    stream: Tensor, delta: Tensor | None, table: Tensor, eps: float, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """`stream` [N, D] float32 plus `delta` [N, D], and that sum's adaptive RMS norm in `dtype`.

    table: float32 [2, D], scale and shift.
    """
    if delta is not None:
        stream = stream + delta
    normed = stream * torch.rsqrt(stream.square().mean(-1, keepdim=True) + eps)
    return stream, torch.addcmul(table[1], normed, table[0]).to(dtype)


def residual_cat(stream: Tensor, delta: Tensor | None, skip: Tensor, dtype: torch.dtype) -> Tensor:
    """`stream` plus `delta`, beside `skip`, all [N, D]: [N, 2D] in `dtype`."""
    whole = stream if delta is None else stream + delta
    return torch.cat([whole, skip], dim=-1).to(dtype)


def rotate(qkv: Tensor, cosine: Tensor, sine: Tensor, heads: int) -> Tensor:
    """Rotary positions on queries and keys, neighbouring channels paired. qkv [N, 3D] to [N, 3, H, E], same dtype.

    cosine, sine: float32 [N, E / 2].
    """
    tokens = qkv.shape[0]
    pairs = qkv.view(tokens, 3, heads, -1, 2)
    even, odd = pairs[:, :2, ..., 0].float(), pairs[:, :2, ..., 1].float()
    cosine, sine = cosine[:, None, None], sine[:, None, None]
    turned = torch.stack([even * cosine - odd * sine, odd * cosine + even * sine], dim=-1)
    return torch.cat([turned.to(qkv.dtype), pairs[:, 2:]], dim=1).flatten(-2)


def attention(qkv: Tensor, packing: Packing) -> Tensor:
    """Each frame attends to its own line's, in its own branch. qkv [N, 3, H, E] to [N, D]. No mask is ever made."""
    tokens, _, heads, width = qkv.shape
    split = qkv.view(packing.branches, packing.frames, 3, heads, width)
    lines = []
    for start, end in packing.bounds:
        q, k, v = split[:, start:end].permute(2, 0, 3, 1, 4)
        lines.append(F.scaled_dot_product_attention(q, k, v).transpose(1, 2))
    return torch.cat(lines, dim=1).reshape(tokens, heads * width)


def swiglu(x: Tensor) -> Tensor:
    """[N, 2I] to [N, I]: SiLU of the first half times the second (Shazeer 2020)."""
    gate, value = x.chunk(2, dim=-1)
    return F.silu(gate) * value


def gate(x: Tensor, bias: Tensor, out: Tensor) -> Tensor:
    """tanh of the first half times sigmoid of the second, `bias` float32 [2W] added. x [N, 2W] into out [N, W]."""
    first, second = (x + bias).chunk(2, dim=-1)
    return out.copy_(torch.tanh(first) * torch.sigmoid(second))


def gather(x: Tensor, neighbours: Tensor) -> Tensor:
    """Every token's neighbours side by side: x [N, W], neighbours [N, K] to [N, K * W]."""
    tokens, taps = neighbours.shape
    return x.index_select(0, neighbours.flatten()).view(tokens, taps * x.shape[-1])


def modulated_norm(x: Tensor, table: Tensor, eps: float, dtype: torch.dtype) -> Tensor:
    """Layer norm without weights of x [N, W], then times `table[0]` plus `table[1]` (float32 [2, W]), in `dtype`."""
    return torch.addcmul(table[1], F.layer_norm(x.float(), x.shape[-1:], eps=eps), table[0]).to(dtype)

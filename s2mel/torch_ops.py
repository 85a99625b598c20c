"""The estimator's operations in plain torch: the twins of the kernels, and what runs where there are none.

The residual stream is float32 whatever the weights are; what feeds a matrix product is in the weights' dtype.
Dimensions: N tokens, M frames of all lines, R branches, D width, H heads, E head width, W WaveNet width, K taps.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .ops import EstimatorOps
from .packing import Packing


def residual_norm_torch(
    stream: Tensor, delta: Tensor | None, table: Tensor, eps: float, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """`stream` [N, D] plus `delta` [N, D] in float32, and that sum's adaptive RMS norm in `dtype`.

    table: float32 [2, D], scale and shift.
    """
    stream = stream.float() if delta is None else stream + delta
    normed = stream * torch.rsqrt(stream.square().mean(-1, keepdim=True) + eps)
    return stream, torch.addcmul(table[1], normed, table[0]).to(dtype)


def residual_cat_torch(stream: Tensor, delta: Tensor | None, skip: Tensor, dtype: torch.dtype) -> Tensor:
    """`stream` plus `delta`, beside `skip`, all [N, D]: [N, 2D] in `dtype`."""
    whole = stream if delta is None else stream + delta
    return torch.cat([whole, skip], dim=-1).to(dtype)


def apply_rotary_torch(qkv: Tensor, cosine: Tensor, sine: Tensor, heads: int) -> Tensor:
    """Rotary positions on queries and keys, neighbouring channels paired. qkv [N, 3D] to [N, 3, H, E], same dtype.

    cosine, sine: float32 [N, E / 2].
    """
    turned = qkv.to(torch.float32, copy=True).view(qkv.shape[0], 3, heads, -1)
    # A pair of channels as one complex number: a fifteenth of the time that sines and cosines one by one take a CPU.
    pairs = torch.view_as_complex(turned.unflatten(-1, (-1, 2)))
    pairs[:, :2] *= torch.complex(cosine, sine)[:, None, None]
    return turned.to(qkv.dtype)


def packed_attention_torch(qkv: Tensor, packing: Packing) -> Tensor:
    """Each frame attends to its own line's, in its own branch. qkv [N, 3, H, E] to [N, H * E]. No mask is ever made."""
    tokens, _, heads, width = qkv.shape
    split = qkv.view(packing.branches, packing.frames, 3, heads, width)
    out = split.new_zeros(packing.branches, packing.frames, heads, width)
    for start, end in packing.line_bounds:
        q, k, v = split[:, start:end].permute(2, 0, 3, 1, 4)
        out[:, start:end] = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
    return out.view(tokens, heads * width)


def swiglu_torch(x: Tensor) -> Tensor:
    """[N, 2I] to [N, I]: SiLU of the first half times the second (Shazeer 2020)."""
    gate, value = x.chunk(2, dim=-1)
    return F.silu(gate).mul_(value)


def gated_convolution_torch(
    x: Tensor, weight: Tensor, bias: Tensor, out: Tensor, packing: Packing, dilation: int
) -> Tensor:
    """A convolution whose output's first half goes through tanh, its second through sigmoid, multiplied into `out`.

    x [N, W], weight [2W, K * W], bias float32 [2W], out [N, W].
    """
    width = x.shape[1]
    neighbors = packing.reflected_neighbors(weight.shape[1] // width, dilation)
    taken = x.index_select(0, neighbors.flatten()).view(len(neighbors), -1)
    return tanh_sigmoid_gate(F.linear(taken, weight), bias, out)


def tanh_sigmoid_gate(x: Tensor, bias: Tensor, out: Tensor) -> Tensor:
    """x [N, 2W] plus bias float32 [2W]: tanh of its first half times sigmoid of its second, into out [N, W]."""
    first, second = (x + bias).chunk(2, dim=-1)
    return out.copy_(torch.tanh(first) * torch.sigmoid(second))


def residual_add_torch(stream: Tensor, delta: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """`stream` float32 plus `delta`, both [N, W], and the same rounded to `dtype`."""
    summed = stream + delta
    return summed, summed.to(dtype)


def modulated_norm_torch(x: Tensor, table: Tensor, eps: float, dtype: torch.dtype) -> Tensor:
    """Layer norm without weights of x [N, W], then times `table[0]` plus `table[1]` (float32 [2, W]), in `dtype`."""
    return torch.addcmul(table[1], F.layer_norm(x.float(), x.shape[-1:], eps=eps), table[0]).to(dtype)


TORCH_OPS = EstimatorOps(
    "plain torch",
    residual_norm_torch,
    residual_cat_torch,
    residual_add_torch,
    apply_rotary_torch,
    swiglu_torch,
    modulated_norm_torch,
    packed_attention_torch,
    gated_convolution_torch,
)

"""The pack's anti-aliased snake in a form that compiles into a few kernels, forward and backward.

Same filters, same numbers: each of the doubled rate's two phases is six shifted products.
B lines, C channels, T samples.
"""

from collections.abc import Sequence

import torch
from indextts2_multitalk.indextts.vocoder.snake import kaiser_taps
from indextts2_multitalk.indextts.vocoder.snake_blocks import TAPS
from torch import Tensor
from torch.nn import functional

_HALF = TAPS // 2


def snake(x: Tensor, alpha: Tensor, inverse_beta: Tensor) -> Tensor:
    """x [B, C, T], alpha and inverse_beta [C]; float32 inside, the dtype of x outside."""
    alpha, inverse_beta = alpha[:, None], inverse_beta[:, None]
    even, odd = (_bent(phase, alpha, inverse_beta) for phase in _doubled(x.float()))
    return _halved(even, odd).to(x.dtype)


def _doubled(x: Tensor) -> tuple[Tensor, Tensor]:
    """The even and the odd samples [B, C, T] of x at twice its rate."""
    taps, length = kaiser_taps(), x.shape[-1]
    held = functional.pad(x, (3, 3), mode="replicate")
    even = _weighted(held, [2 * taps[TAPS - 1 - 2 * k] for k in range(_HALF)], length)
    return even, _weighted(held[..., 1:], [2 * taps[TAPS - 2 - 2 * k] for k in range(_HALF)], length)


def _bent(x: Tensor, alpha: Tensor, inverse_beta: Tensor) -> Tensor:
    return x + torch.sin(x * alpha).square() * inverse_beta


def _halved(even: Tensor, odd: Tensor) -> Tensor:
    """Back from two phases to [B, C, T]; before the first sample stands the first, behind the last the last."""
    taps, length = kaiser_taps(), even.shape[-1]
    first, last = even[..., :1], odd[..., -1:]
    evens = torch.cat((first, first, even, last, last, last), dim=-1)
    odds = torch.cat((first, first, first, odd, last, last), dim=-1)
    return _weighted(evens, taps[1::2], length) + _weighted(odds, taps[::2], length)


def _weighted(x: Tensor, weights: Sequence[float], length: int) -> Tensor:
    """The sum of x [B, C, length + 5] shifted by 0, 1, … samples, each times its weight."""
    total = weights[0] * x[..., :length]
    for shift, weight in enumerate(weights[1:], start=1):
        total = total + weight * x[..., shift : shift + length]
    return total

"""One or two LayerNorms of each row of the residual stream, applied as they are.

Dimensions: R rows, D width.
"""

import torch
import triton
import triton.language as tl
from torch.nn import functional

from ..pdl import launch_dependents_and_wait, pdl_options
from .folded_norm import Norm


@triton.jit
def _normalize_row(x, gain, shift, eps, inside, K: tl.constexpr):
    """LayerNorm of a vector that is 0 outside."""
    mean = tl.sum(x, axis=0) / K
    centered = tl.where(inside, x - mean, 0.0)
    variance = tl.sum(centered * centered, axis=0) / K
    return centered * tl.rsqrt(variance + eps) * gain + shift


@triton.jit
def _layer_norm_kernel(x, out, gain, shift, gain_2, shift_2, eps, eps_2, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
                       NORMS: tl.constexpr, PDL: tl.constexpr):  # fmt: skip
    row = tl.program_id(0)
    k = tl.arange(0, BLOCK)
    inside = k < WIDTH
    g, s = tl.load(gain + k, mask=inside, other=0.0), tl.load(shift + k, mask=inside, other=0.0)
    launch_dependents_and_wait(PDL)
    y = tl.load(x + row * WIDTH + k, mask=inside, other=0.0)
    y = _normalize_row(y, g.to(tl.float32), s.to(tl.float32), eps, inside, WIDTH)
    if NORMS > 1:
        g, s = tl.load(gain_2 + k, mask=inside, other=0.0), tl.load(shift_2 + k, mask=inside, other=0.0)
        y = _normalize_row(y, g.to(tl.float32), s.to(tl.float32), eps_2, inside, WIDTH)
    tl.store(out + row * WIDTH + k, y.to(out.dtype.element_ty), mask=inside)


def layer_norm(x: torch.Tensor, norms: tuple[Norm, ...], out: torch.Tensor) -> torch.Tensor:
    """out [R, D] = one or two norms of x float32 [R, D], one after the other."""
    rows, width = x.shape
    assert len(norms) in (1, 2), f"{len(norms)} norms"
    assert out.shape == x.shape and x.is_contiguous() and out.is_contiguous(), f"{tuple(out.shape)}, {tuple(x.shape)}"
    (gain, shift, eps), (gain_2, shift_2, eps_2) = norms[0], norms[-1]
    _layer_norm_kernel[(rows,)](
        x, out, gain, shift, gain_2, shift_2, eps, eps_2, WIDTH=width, BLOCK=triton.next_power_of_2(width),
        NORMS=len(norms), num_warps=4, **pdl_options(x.device),
    )  # fmt: skip
    return out


def layer_norm_torch(x: torch.Tensor, norms: tuple[Norm, ...]) -> torch.Tensor:
    """The twin of `layer_norm`, float32."""
    for gain, shift, eps in norms:
        x = functional.layer_norm(x, x.shape[-1:], gain.float(), shift.float(), eps)
    return x

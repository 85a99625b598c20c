"""Matrices in 8 bits: symmetric, one scale for each row, which is one output of a layer.

Dimensions: R rows, N outputs, K inputs.
"""

import torch

from ..runtime.cpu_matmul import multiplies_int8

LARGEST, BYTE = 127, 256


def quantize_rows(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight [N, K] as int8 [N, K] and scales float32 [N]; a row is its numbers times its scale."""
    whole = weight.float()
    # A row of zeros is zeros at any scale.
    scales = whole.abs().amax(dim=1).div_(LARGEST).clamp_(min=torch.finfo(torch.float32).tiny)
    return (whole / scales[:, None]).round_().to(torch.int8), scales


def dequantize_rows(weight: torch.Tensor, scales: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor:
    """Weight [N, K] in `dtype`, in one pass from the 8 bits; without scales it is none of `quantize_rows`."""
    if scales is None:
        return weight.to(dtype)
    return torch.mul(weight, scales[:, None], out=torch.empty(weight.shape, dtype=dtype, device=weight.device))


def linear_int8(x: torch.Tensor, weight: torch.Tensor, scales: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """x [..., K] times the rows of `quantize_rows`, transposed, plus bias [N]. On a processor that is made for it they
    stay whole numbers; elsewhere one matrix at a time is dequantized."""
    if x.device.type == "cpu" and x.dtype is torch.float32 and multiplies_int8():
        return _linear_whole(x.flatten(0, -2), weight, scales, bias).view(*x.shape[:-1], -1)
    return torch.nn.functional.linear(x, dequantize_rows(weight, scales, x.dtype), bias)


def _linear_whole(x: torch.Tensor, weight: torch.Tensor, scales: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """`linear_int8` of x [R, K] as whole numbers of 16 bits, a scale for each row: their high and low 8 bits are rows
    of one exact product, which reads the weights once."""
    steps = x.abs().amax(dim=1, keepdim=True).div_(LARGEST * BYTE).clamp_(min=torch.finfo(torch.float32).tiny)
    whole = (x / steps).round_().to(torch.int32)
    high = (whole + BYTE // 2).div_(BYTE, rounding_mode="floor")
    parts = torch.cat((high, whole - high * BYTE)).to(torch.int8)
    highs, lows = torch._int_mm(parts, weight.t()).float().chunk(2)
    return torch.addcmul(bias, lows.add_(highs, alpha=BYTE).mul_(steps), scales)

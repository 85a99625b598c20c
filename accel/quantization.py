"""Matrices in 8 bits: symmetric, one scale for each row, which is one output of a layer.

Dimensions: N outputs, K inputs.
"""

import torch

LARGEST = 127


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
    """x [..., K] times the rows of `quantize_rows`, transposed, plus bias [N]; one matrix at a time is dequantized."""
    return torch.nn.functional.linear(x, dequantize_rows(weight, scales, x.dtype), bias)

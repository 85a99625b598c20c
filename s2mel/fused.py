"""The Triton kernels as one set of operations, for CUDA devices. Importing this needs Triton."""

import torch

from .attention_kernel import attention, supports
from .convolution_kernel import gated_convolution
from .pointwise_kernels import modulated_norm, residual_add, residual_cat, residual_norm, rotate, swiglu
from .stages import Ops

__all__ = ["FUSED", "supports", "try_out"]

FUSED = Ops(
    "Triton kernels",
    residual_norm,
    residual_cat,
    residual_add,
    rotate,
    swiglu,
    modulated_norm,
    attention,
    gated_convolution,
)


def try_out(device: torch.device) -> None:
    """Run one small kernel. Raises whatever keeps Triton from building or launching it, a missing C compiler say."""
    row = torch.zeros(1, 16, device=device)
    residual_add(row, row, torch.float16)

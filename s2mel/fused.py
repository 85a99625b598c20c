"""The Triton kernels as one set of operations, for CUDA devices. Importing this needs Triton."""

from .attention_kernel import attention
from .convolution_kernel import gated_convolution
from .pointwise_kernels import modulated_norm, residual_add, residual_cat, residual_norm, rotate, swiglu
from .stages import Ops

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

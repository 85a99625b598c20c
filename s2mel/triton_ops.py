"""The estimator's operations as Triton kernels, for CUDA devices. Importing this needs Triton."""

from .attention_kernel import packed_attention
from .convolution_kernel import gated_convolution
from .ops import EstimatorOps
from .pointwise_kernels import apply_rotary, modulated_norm, residual_add, residual_cat, residual_norm, swiglu

TRITON_OPS = EstimatorOps(
    "Triton kernels",
    residual_norm,
    residual_cat,
    residual_add,
    apply_rotary,
    swiglu,
    modulated_norm,
    packed_attention,
    gated_convolution,
)

"""What the estimator does between its matrix products, as one exchangeable set of functions.

`torch_ops.py` has it in plain torch, `triton_ops.py` as kernels.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class EstimatorOps:
    """One implementation of every function; `name` is what the report says."""

    name: str
    residual_norm: Callable[..., tuple[Tensor, Tensor]]
    residual_cat: Callable[..., Tensor]
    residual_add: Callable[..., tuple[Tensor, Tensor]]
    apply_rotary: Callable[..., Tensor]
    swiglu: Callable[..., Tensor]
    modulated_norm: Callable[..., Tensor]
    packed_attention: Callable[..., Tensor]
    gated_convolution: Callable[..., Tensor]

"""A LayerNorm folded into the linear layer after it, without changing that layer's weights.

W norm(x) + b = (W (gain x) - mean(x) weight_gain) / deviation(x) + bias, where weight_gain = W gain and
bias = W shift + b depend on weights alone. Dimensions: K inputs, N outputs.
"""

from dataclasses import dataclass

import torch

from ...quantization import dequantize_rows
from ...weights import DecoderWeights

Norm = tuple[torch.Tensor, torch.Tensor, float]
"""Weight [K], bias [K] and eps of a LayerNorm."""


@dataclass(frozen=True, eq=False)
class FoldedNorm:
    """gain [K] of the norm's dtype, weight_gain and bias float32 [N]. first: a norm applied before, as it is."""

    gain: torch.Tensor
    weight_gain: torch.Tensor
    bias: torch.Tensor
    eps: float
    first: Norm | None = None

    @property
    def norms(self) -> int:
        return 1 if self.first is None else 2


@dataclass(frozen=True, eq=False)
class FoldedNorms:
    """layers: of each layer's qkv and fc. head: the final norms."""

    layers: tuple[tuple[FoldedNorm, FoldedNorm], ...]
    head: FoldedNorm

    @staticmethod
    def from_weights(weights: DecoderWeights) -> "FoldedNorms":
        eps = weights.eps
        layers = (
            (
                fold_norm(
                    layer.qkv_weight, layer.qkv_bias, ((layer.ln_1_weight, layer.ln_1_bias, eps),), layer.qkv_scales
                ),
                fold_norm(
                    layer.fc_weight, layer.fc_bias, ((layer.ln_2_weight, layer.ln_2_bias, eps),), layer.fc_scales
                ),
            )
            for layer in weights.layers
        )
        return FoldedNorms(tuple(layers), fold_norm(weights.head_weight, weights.head_bias, weights.final_norms))


def fold_norm(
    weight: torch.Tensor, bias: torch.Tensor, norms: tuple[Norm, ...], scales: torch.Tensor | None = None
) -> FoldedNorm:
    """One or two norms, applied in order, before weight [N, K] and bias [N]. scales: of weights in 8 bits."""
    assert 1 <= len(norms) <= 2, f"{len(norms)} norms"
    *first, (gain, shift, eps) = norms
    whole = dequantize_rows(weight, scales, torch.float32)
    weight_gain, shifted = whole @ gain.float(), whole @ shift.float() + bias.float()
    return FoldedNorm(gain, weight_gain, shifted, eps, first[0] if first else None)

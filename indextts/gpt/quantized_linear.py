"""The GPT layers' matrices in 8 bits: the one copy that the engine, the plain loop and the latent pass read.

Dimensions: N outputs, K inputs, D width.
"""

from torch import Tensor, nn

from ...accel.quantization import linear_int8, quantize_rows
from ..config import GPTConfig
from .model import UnifiedVoice


class QuantizedLinear(nn.Module):
    """What `quantize_rows` makes of a layer: weight int8 [N, K], scales float32 [N]; its bias as it was."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        weight, scales = quantize_rows(layer.weight.detach())
        self.weight, self.scales = (nn.Parameter(tensor, requires_grad=False) for tensor in (weight, scales))
        self.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:
        """x [..., K], of the bias's dtype. Returns [..., N]."""
        return linear_int8(x, self.weight, self.scales, self.bias)


def quantize_layers(model: UnifiedVoice) -> None:
    """Replace every layer's matrices, one after the other, each on its device; head, norms and embeddings stay."""
    for part in list(model.gpt.h.modules()):
        for name, layer in list(part.named_children()):
            if isinstance(layer, nn.Linear):
                setattr(part, name, QuantizedLinear(layer))


def count_saved_bytes(config: GPTConfig, itemsize: int) -> int:
    """What `quantize_layers` saves where a weight has so many bytes: a layer's 12 D² weights, less its 9 D scales."""
    d = config.model_dim
    return config.layers * (12 * d * d * (itemsize - 1) - 9 * d * 4)

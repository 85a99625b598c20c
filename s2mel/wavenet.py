"""The estimator's WaveNet head: gated convolutions under a condition that depends on time alone.

Dimensions: N tokens, W width, J layers, K taps, D width of the transformer, S steps.
"""

from typing import cast

import torch
from torch import Tensor, nn

from .config import WaveNetConfig
from .packing import Packing, left_context
from .stages import EstimatorStages
from .step_tables import linear_float32


class WaveNet(nn.Module):
    """Weights of a convolution are a matrix [out, K * in]. Only the sum of all layers' skip outputs is ever used, so
    they are one projection of all gates side by side, the long residual from the transformer with them."""

    def __init__(self, config: WaveNetConfig, residual_width: int) -> None:
        super().__init__()
        width, layers = config.hidden_dim, config.num_layers
        self.width, self.taps = width, config.kernel_size
        self.dilations = [config.dilation_rate**layer for layer in range(layers)]
        self.cond_layer = nn.Linear(width, 2 * width * layers)
        self.in_layers = nn.ModuleList(nn.Linear(self.taps * width, 2 * width) for _ in range(layers))
        self.res_layers = nn.ModuleList(nn.Linear(width, width) for _ in range(layers - 1))
        self.out_layer = nn.Linear(layers * width + residual_width, width)

    @property
    def longest_context(self) -> int:
        """Frames before its own that a convolution reads at most; every line must be longer."""
        return max(left_context(self.taps, dilation) for dilation in self.dilations)

    @property
    def left_receptive_field(self) -> int:
        """Frames before its own that an output depends on at most, through all layers."""
        return sum(left_context(self.taps, dilation) for dilation in self.dilations)

    @property
    def dilated_layers(self) -> list[nn.Linear]:
        return cast("list[nn.Linear]", list(self.in_layers))

    def modulation_tables(self, time: Tensor) -> Tensor:
        """time [S, W] to float32 [S, J, 2W]: each layer's condition, its convolution's bias added."""
        condition = linear_float32(self.cond_layer, time).unflatten(-1, (len(self.in_layers), 2 * self.width))
        return condition + torch.stack([layer.bias.float() for layer in self.dilated_layers])

    def forward(self, x: Tensor, residual: Tensor, gates: Tensor, packing: Packing, stages: EstimatorStages) -> Tensor:
        """x [N, W], residual [N, D] and one step's `modulation_tables` to [N, W], in the dtype of x."""
        inner = len(self.in_layers) * self.width
        wide = x.new_empty(x.shape[0], inner + residual.shape[-1])
        wide[:, inner:] = residual
        stream = x.float()
        for layer, gated in enumerate(wide[:, :inner].split(self.width, dim=1)):
            weight = self.dilated_layers[layer].weight
            stages.ops.gated_convolution(x, weight, gates[layer], gated, packing, self.dilations[layer])
            if layer < len(self.res_layers):
                stream, x = stages.wavenet_residual(stream, gated, cast("nn.Linear", self.res_layers[layer]))
        return self.out_layer(wide)

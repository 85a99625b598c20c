"""Convolutions as matrix products, for stages whose batches have ever new lengths.

cuDNN plans each convolution anew for each shape, forward and backward, and each plan costs the host some two
milliseconds: more than all else in an update.
B clips, T places, C channels in, D channels out, K taps.
"""

from functools import partial

from torch import Tensor, nn
from torch.nn import functional


def as_products(module: nn.Module) -> None:
    """Let every convolution inside `module` compute as matrix products, where it does not already; weights and names
    stay."""
    for part in module.modules():
        if type(part) is nn.Conv1d:
            vars(part)["forward"] = partial(_forward1d, part)


def convolved(x: Tensor, weight: Tensor, bias: Tensor | None = None, dilation: int = 1) -> Tensor:
    """x [B, C, T] and weight [D, C, K] to [B, D, T - (K - 1) · dilation]."""
    taps = weight.shape[-1]
    if taps == 1:
        return functional.linear(x.mT, weight[..., 0], bias).mT
    windows = x.unfold(-1, (taps - 1) * dilation + 1, 1)[..., ::dilation]
    return functional.linear(windows.transpose(1, 2).flatten(2), weight.flatten(1), bias).mT


def _forward1d(layer: nn.Conv1d, x: Tensor) -> Tensor:
    assert layer.stride == (1,) and layer.padding_mode == "zeros" and not isinstance(layer.padding, str), layer
    padded = functional.pad(x, layer.padding * 2) if layer.padding[0] else x
    if layer.groups == 1:
        return convolved(padded, layer.weight, layer.bias, layer.dilation[0])
    assert layer.groups == layer.in_channels == layer.out_channels and layer.dilation == (1,), layer
    mixed = (padded.unfold(-1, layer.kernel_size[0], 1) * layer.weight).sum(-1)
    return mixed if layer.bias is None else mixed + layer.bias[:, None]

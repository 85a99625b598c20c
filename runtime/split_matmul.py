"""A float32 matrix product with weights stored in half precision, on tensor cores, as exact as float32 needs.

Half-precision weights are exact as they are; float32 inputs are two half-precision parts to within 2^-22. So two
half-precision products summed in float32 say what one float32 product says, at ten times the speed, and nothing is
widened.

M rows, K inputs, N outputs.
"""

import logging
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

log = logging.getLogger(__name__)

LOW_SCALE = 2.0**11
"""What the lower part is multiplied by, so that it is of the higher part's size: small halves lose digits."""


def float32_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """float32 x [..., K] times weight [N, K], transposed, plus bias [N]: float32 [..., N], whatever the weights are."""
    wide_bias = None if bias is None else bias.float()
    if weight.dtype != torch.float16 or not sums_halves_in_float32(x.device):
        return functional.linear(x, weight.float(), wide_bias)
    product: Tensor = _split_matmul(x.flatten(0, -2), weight).unflatten(0, x.shape[:-1])
    return product if wide_bias is None else product + wide_bias


def split_float32(x: Tensor) -> tuple[Tensor, Tensor]:
    """float32 as two float16: x = high + low / LOW_SCALE. x is within half precision's range, 65504."""
    high = x.half()
    return high, ((x - high) * LOW_SCALE).half()


def _split_matmul(x: Tensor, weight: Tensor) -> Tensor:
    """One product of twice the rows: the weights are read once."""
    high, low = torch.mm(torch.cat(split_float32(x)), weight.T, out_dtype=torch.float32).chunk(2)
    return torch.add(high, low, alpha=1 / LOW_SCALE)


@cache
def sums_halves_in_float32(device: torch.device) -> bool:
    """Whether this device, and this torch with its settings, sum half-precision products in float32; tried once."""
    if device.type != "cuda":
        return False
    # 2048 + 1 is no float16: whoever sums in half precision loses the one.
    x = torch.ones(32, 64, dtype=torch.float16, device=device)
    x[:, 0] = 2048.0
    try:
        exact = bool((torch.mm(x, torch.ones_like(x).T, out_dtype=torch.float32) == 2048.0 + 63).all())
    except (TypeError, RuntimeError) as error:
        log.info("half-precision weights are widened: no half-precision products into float32 here (%s)", error)
        return False
    if not exact:
        log.info("half-precision weights are widened: half-precision products are summed in half precision here")
    return exact

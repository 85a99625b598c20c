"""Weight norm folded into plain weights (Salimans and Kingma 2016)."""

from collections.abc import Mapping

import torch
from torch import Tensor


def fold_weight_norm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each pair `weight_g`, `weight_v` of a state dict as the one `weight` it stands for; the others as they are.

    Raises KeyError where one half of a pair is missing.
    """
    folded = {}
    for name, tensor in state.items():
        if name.endswith("weight_g"):
            continue
        if name.endswith("weight_v"):
            folded[name[:-2]] = torch._weight_norm(tensor, state[name[:-1] + "g"], 0)
        else:
            folded[name] = tensor
    return folded

"""Weight norm folded is what torch computes from it."""

import torch
from indextts2_multitalk.runtime.weight_norm import fold_weight_norm


def test_weight_norm_folds_to_what_torch_computes():
    layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv1d(3, 4, 5))
    gain, direction = layer.parametrizations.weight.original0, layer.parametrizations.weight.original1
    with torch.no_grad():
        gain.mul_(1.7)
    folded = fold_weight_norm({"c.weight_g": gain.detach(), "c.weight_v": direction.detach(), "c.bias": layer.bias})
    assert set(folded) == {"c.weight", "c.bias"}
    assert torch.allclose(folded["c.weight"], layer.weight, atol=1e-6)

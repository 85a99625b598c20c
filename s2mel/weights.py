"""Released tensor names into this package's: weight norm folded, parallel projections joined, the unused left out.

Names come in as `cfm.…`, `length_regulator.…` and `gpt_layer.…`, each part possibly under a further `module.`.
"""

import re
from fnmatch import fnmatch

import torch
from torch import Tensor

from ..runtime.weight_norm import fold_weight_norm

State = dict[str, Tensor]

IGNORED = (
    "cfm.estimator.input_pos",
    "cfm.estimator.x_embedder.*",
    "cfm.estimator.cond_embedder.*",
    "cfm.estimator.content_mask_embedder.*",
    "cfm.estimator.t_embedder*.freqs",
    "length_regulator.embedding.*",
    "length_regulator.mask_token",
)
"""Tensors that inference never reads: training masks, embeddings of discrete content, and constants."""


LATENT_LAYER = "gpt_layer.*"
"""What reads the GPT's latents; where there are none it lies in the file unused."""


def rename_s2mel_weights(state: State) -> State:
    """The released S2Mel file, flattened, as the state dict of `S2Mel`. Tensors are shared where they are unchanged.

    Raises KeyError where one half of a pair is missing.
    """
    plain = {re.sub(r"^(\w+)\.module\.", r"\1.", name): tensor for name, tensor in state.items()}
    kept = {name: t for name, t in plain.items() if not any(fnmatch(name, pattern) for pattern in IGNORED)}
    folded = fold_weight_norm(kept)
    estimator = _take_section(folded, "cfm.estimator.")
    wavenet = _take_section(estimator, "wavenet.")
    estimator |= {f"wavenet.{n}": t for n, t in _join_wavenet(wavenet, estimator, "res_projection.").items()}
    _join_transformer(estimator)
    return folded | {f"cfm.estimator.{name}": tensor for name, tensor in estimator.items()}


def _take_section(state: State, prefix: str) -> State:
    """Takes the tensors under `prefix` out of `state`, their names without it."""
    return {name.removeprefix(prefix): state.pop(name) for name in list(state) if name.startswith(prefix)}


def _join_transformer(state: State) -> None:
    """Gate and value projection as one matrix; skip projections of the lower half, which nothing feeds, dropped."""
    depth = len({name.split(".")[2] for name in state if name.startswith("transformer.layers.")})
    for layer in range(depth):
        prefix = f"transformer.layers.{layer}."
        gate, value = state.pop(prefix + "feed_forward.w1.weight"), state.pop(prefix + "feed_forward.w3.weight")
        state[prefix + "feed_forward.w13.weight"] = torch.cat([gate, value])
        if layer <= depth // 2:
            _take_section(state, prefix + "skip_in_linear.")


def _join_wavenet(state: State, estimator: State, residual: str) -> State:
    """Convolutions as matrices [out, taps * in]; all skip outputs and the long residual as one projection."""
    layers = len({name.split(".")[1] for name in state if name.startswith("in_layers.")})
    joined: State = {
        "cond_layer.weight": state["cond_layer.conv.conv.weight"].squeeze(-1),
        "cond_layer.bias": state["cond_layer.conv.conv.bias"],
    }
    skips, biases = [], []
    for layer in range(layers):
        weight = state[f"in_layers.{layer}.conv.conv.weight"]
        joined[f"in_layers.{layer}.weight"] = weight.transpose(1, 2).flatten(1)
        joined[f"in_layers.{layer}.bias"] = state[f"in_layers.{layer}.conv.conv.bias"]
        width = weight.shape[1]
        weight = state[f"res_skip_layers.{layer}.conv.conv.weight"].squeeze(-1)
        bias = state[f"res_skip_layers.{layer}.conv.conv.bias"]
        if layer < layers - 1:
            joined[f"res_layers.{layer}.weight"] = weight[:width].clone()
            joined[f"res_layers.{layer}.bias"] = bias[:width].clone()
            weight, bias = weight[width:], bias[width:]
        skips.append(weight)
        biases.append(bias)
    long = _take_section(estimator, residual)
    joined["out_layer.weight"] = torch.cat([*skips, long["weight"]], dim=1)
    joined["out_layer.bias"] = torch.stack([*biases, long["bias"]]).sum(0)
    return joined

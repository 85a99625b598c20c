"""The perceiver at its smallest: without feed-forward layers, built and run without a word."""

import warnings

import torch
from indextts2_multitalk.indextts.conditioning.perceiver import Perceiver


def test_no_feed_forward_layers_are_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        perceiver = Perceiver(64, 32, latents=3, heads=1, mult=0)
    perceiver.layers[0][1][2].bias.data.fill_(2.0)
    assert perceiver(torch.randn(2, 5, 32)).shape == (2, 3, 64)
    assert {name for name, tensor in perceiver.named_parameters() if not tensor.numel()} == {
        f"layers.{layer}.1.{part}" for layer in (0, 1) for part in ("0.weight", "0.bias", "2.weight")
    }

"""A decoder's weights are checked where they are handed over."""

from dataclasses import replace

import pytest
from helpers.tiny_decoder import POSITIONS, STOP, VOCABULARY, tiny_weights


def test_derived_sizes():
    weights = tiny_weights()
    assert (weights.width, weights.head_dim, weights.vocabulary) == (16, 8, VOCABULARY)
    assert weights.max_tokens == POSITIONS - 2 + 1
    assert weights.stop_token == STOP


def test_wrong_shapes_name_the_tensor():
    weights = tiny_weights()
    with pytest.raises(AssertionError, match=r"head_bias is \(3,\), expected \(23,\)"):
        replace(weights, head_bias=weights.head_bias[:3])
    with pytest.raises(AssertionError, match="does not split into 3 heads"):
        replace(weights, heads=3)
    with pytest.raises(AssertionError, match="stop token 23 outside"):
        replace(weights, stop_token=23)
    layer = replace(weights.layers[1], fc_weight=weights.layers[1].fc_weight.t())
    with pytest.raises(AssertionError, match=r"layer 1: fc_weight is \(16, 64\)"):
        replace(weights, layers=(weights.layers[0], layer))
    transposed = replace(weights.layers[0], out_weight=weights.layers[0].out_weight.t())
    with pytest.raises(AssertionError, match="layer 0: out_weight"):
        replace(weights, layers=(transposed,))

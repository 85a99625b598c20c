"""Released names into the room's, and configurations that describe another network."""

import copy

import pytest
import torch
from helpers.s2mel import CONFIG, LATENT_WIDTH, released_state, small_model
from indextts2_multitalk.s2mel.config import S2MelConfig
from indextts2_multitalk.s2mel.model import S2Mel
from indextts2_multitalk.s2mel.weights import rename_s2mel_weights


def test_wrapped_names_are_the_same_file():
    plain = released_state()
    wrapped = {name.replace(".", ".module.", 1): tensor for name, tensor in plain.items()}
    first, second = rename_s2mel_weights(plain), rename_s2mel_weights(wrapped)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_every_tensor_of_the_module_is_loaded_and_nothing_else():
    assert rename_s2mel_weights(released_state()).keys() == small_model().state_dict().keys()


def test_rename_leaves_its_argument_alone():
    state = released_state()
    names = set(state)
    rename_s2mel_weights(state)
    assert set(state) == names


@pytest.mark.parametrize(("key", "value"), [("time_as_token", True), ("final_layer_type", "mlp")])
def test_another_network_is_refused(key, value):
    config = copy.deepcopy(CONFIG)
    config["DiT"][key] = value
    with pytest.raises(ValueError, match=f"DiT.{key}"):
        S2Mel(S2MelConfig.model_validate(config), LATENT_WIDTH)

"""w2v-bert cut at a layer equals the whole model's hidden state there."""

import json

import pytest
import torch
from helpers.seeded import normal
from helpers.tiny_models import write_w2v_bert
from indextts2_multitalk.indextts.conditioning.features import KaldiFilterBank
from indextts2_multitalk.indextts.conditioning.semantic import SemanticEncoder, rename_semantic_weights
from indextts2_multitalk.indextts.errors import CheckpointError, ConfigError
from safetensors.torch import load_file
from transformers import SeamlessM4TFeatureExtractor, Wav2Vec2BertModel

WIDTH, LAYERS = 48, 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_w2v_bert(tmp_path_factory.mktemp("w2v-bert-2.0"), hidden_size=WIDTH, layers=LAYERS)


@pytest.fixture(scope="module")
def statistics():
    spread = torch.from_numpy(normal("w2v.var", (WIDTH,)))
    return {"mean": torch.from_numpy(normal("w2v.mean", (WIDTH,))), "var": spread.square() + 0.5}


def load(folder, statistics, layers):
    with torch.device("meta"):
        encoder = SemanticEncoder.from_folder(folder, layers)
    state = rename_semantic_weights(load_file(folder / "model.safetensors"), statistics, layers)
    encoder.load_state_dict(state, strict=True, assign=True)
    return encoder


@pytest.mark.parametrize("layers", [1, 3, LAYERS])
@pytest.mark.parametrize("samples", [8000, 8160])
@torch.inference_mode()
def test_the_output_is_the_hidden_state_of_that_layer(folder, statistics, layers, samples):
    wave = 0.1 * torch.from_numpy(normal("input:semantic", (samples,)))
    whole = Wav2Vec2BertModel.from_pretrained(folder, local_files_only=True).eval()
    inputs = SeamlessM4TFeatureExtractor.from_pretrained(folder)(wave.numpy(), sampling_rate=16000, return_tensors="pt")
    hidden = whole(**inputs, output_hidden_states=True).hidden_states[layers]
    wanted = (hidden - statistics["mean"]) / statistics["var"].sqrt()

    semantic = load(folder, statistics, layers)(KaldiFilterBank()(wave))

    assert semantic.shape == wanted.shape
    assert ((semantic - wanted).abs().max() / wanted.abs().max()).item() < 1e-4


def test_layers_above_are_not_loaded(folder, statistics):
    encoder = load(folder, statistics, 2)
    names = encoder.state_dict()
    assert "layers.1.ffn1_layer_norm.weight" in names
    assert not any("layers.2." in name for name in names)
    assert not any(tensor.is_meta for tensor in (*encoder.parameters(), *encoder.buffers()))


def test_unused_tensors_are_not_renamed(folder, statistics):
    state = load_file(folder / "model.safetensors")
    extras = {"masked_spec_embed": torch.zeros(WIDTH), "adapter.proj.weight": torch.zeros(1)}
    needed = rename_semantic_weights(state, statistics, LAYERS)
    assert rename_semantic_weights(state | extras, statistics, LAYERS).keys() == needed.keys()


@torch.inference_mode()
def test_half_precision_weights_compute_in_float32(folder, statistics):
    wave = 0.1 * torch.from_numpy(normal("input:semantic", (8000,)))
    energies = KaldiFilterBank()(wave)
    exact = load(folder, statistics, 2)(energies)
    half = load(folder, statistics, 2).half()(energies)
    assert half.dtype == torch.float32
    assert ((half - exact).abs().max() / exact.abs().max()).item() < 2e-3


@torch.inference_mode()
@pytest.mark.parametrize("samples", [8000, 8160])
def test_padding_changes_nothing_before_it(folder, statistics, samples):
    encoder = load(folder, statistics, 3)
    wave = 0.1 * torch.from_numpy(normal("input:semantic", (samples,)))
    features, mask = encoder.stack_frames(KaldiFilterBank()(wave))
    alone, tokens = encoder.encode_features(features, mask), len(mask)
    padded = torch.cat([features, torch.full((1, 13, features.shape[2]), 1e3)], dim=1)
    beside = encoder.encode_features(padded, torch.cat([mask, torch.zeros(13, dtype=torch.bool)]))
    assert ((beside[:, :tokens] - alone).abs().max() / alone.abs().max()).item() <= 1e-5


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("config.json", {"model_type": "wav2vec2"}, "model_type: got 'wav2vec2'"),
        ("config.json", {"position_embeddings_type": "rotary"}, "position_embeddings_type: got 'rotary'"),
        ("config.json", {"hidden_act": "gelu"}, "hidden_act: got 'gelu'"),
        ("config.json", {"num_hidden_layers": 2}, "got 2 layers, expected at least the 3"),
        ("preprocessor_config.json", {"sampling_rate": 8000}, "sampling_rate: got 8000"),
        ("preprocessor_config.json", {"stride": 0}, "stride: Input should be greater than 0"),
        ("config.json", {"hidden_size": 10**12}, "hidden_size: Input should be less than"),
        ("config.json", {"num_hidden_layers": "many"}, "num_hidden_layers: .*got 'many'"),
    ],
)
def test_another_kind_of_model_is_refused(folder, tmp_path, file, change, words):
    for name in ("config.json", "preprocessor_config.json"):
        settings = json.loads((folder / name).read_text())
        (tmp_path / name).write_text(json.dumps(settings | (change if name == file else {})))
    with pytest.raises((CheckpointError, ConfigError), match=words):
        SemanticEncoder.from_folder(tmp_path, 3)


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_folder_without_a_readable_config_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(ConfigError, match=r"config\.json"):
        SemanticEncoder.from_folder(tmp_path, 3)

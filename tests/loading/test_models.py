"""A whole released folder becomes modules: all that inference needs, once, and nothing else."""

from pathlib import Path

import pytest
import torch
import yaml
from helpers.released_folder import write_released_folder
from helpers.tiny_config import TINY_CONFIG
from indextts2_multitalk.indextts.errors import CheckpointError, ConfigError
from indextts2_multitalk.indextts.events import Event
from indextts2_multitalk.indextts.loading.find import find_checkpoint
from indextts2_multitalk.indextts.loading.models import Models, load_models
from indextts2_multitalk.indextts.model_version import V2_0
from indextts2_multitalk.indextts.options import LoadOptions

CPU = LoadOptions(device="cpu", use_cuda_kernel=False)


def load(folder: Path, options: LoadOptions = CPU) -> Models:
    return load_models(find_checkpoint([folder], folder / "no hub"), options)


def replace(file: Path, data: object) -> None:
    """Write anew instead of through the link."""
    file.unlink()
    if isinstance(data, bytes):
        file.write_bytes(data)
    else:
        torch.save(data, file)


@pytest.fixture(scope="module")
def models(released: Path) -> Models:
    return load(released)


def test_every_tensor_has_a_value(models: Models) -> None:
    """The files' constants are NaN: none may have come through."""
    tensors = [*models.named_parameters(), *models.named_buffers()]
    assert {name.split(".")[0] for name, _ in tensors} == {
        "gpt", "voice_encoder", "semantic", "codec", "campplus", "emotions", "s2mel", "vocoder",
    }  # fmt: skip
    assert [name for name, tensor in tensors if not torch.isfinite(tensor).all()] == []
    assert [name for name, tensor in tensors if tensor.requires_grad] == []
    assert not models.gpt.training


def test_what_inference_never_uses_is_left_out(models: Models) -> None:
    names = [name for name, _ in models.named_parameters()]
    assert not [name for name in names if "text_head" in name or "wte" in name or "codec.decoder" in name]
    layers = {int(name.split("layers.")[1].split(".")[0]) for name in names if name.startswith("semantic.layers")}
    assert layers == set(range(TINY_CONFIG["semantic_layer"]))


def test_values_come_from_the_files(models: Models, released: Path) -> None:
    gpt = torch.load(released / "gpt.pth", weights_only=True)["model"]
    assert torch.equal(models.gpt.mel_head.weight, gpt["mel_head.weight"])
    assert torch.equal(models.gpt.gpt.h[0].attn.c_attn.weight, gpt["gpt.h.0.attn.c_attn.weight"].T)
    assert torch.equal(models.voice_encoder.emo_layer.bias, gpt["emo_layer.bias"])
    assert torch.equal(models.emotions.styles, torch.load(released / "feat1.pt", weights_only=True))


def test_safetensors_hold_the_same(models: Models, tmp_path: Path) -> None:
    others = load(write_released_folder(tmp_path, safetensors=True))
    for (name, one), (_, other) in zip(models.named_parameters(), others.named_parameters(), strict=True):
        assert torch.equal(one, other), name


def test_loading_inside_a_node(released: Path) -> None:
    """ComfyUI's nodes run under inference_mode; the weights must stay usable outside it."""
    with torch.inference_mode():
        models = load(released)
    assert not any(parameter.is_inference() for parameter in models.parameters())


def test_conditioning_models(models: Models) -> None:
    conditioning = models.conditioning_models()
    content = torch.zeros(1, 10, models.config.s2mel.length_regulator.in_channels, dtype=torch.float64)
    assert conditioning.regulate(content, 17).shape == (1, 17, models.config.s2mel.length_regulator.channels)
    assert conditioning.text_emotion.folder is not None


def test_half_precision_is_declined_in_words(released: Path) -> None:
    models = load(released, LoadOptions(device="cpu", use_fp16=True))
    assert {parameter.dtype for parameter in models.parameters()} == {torch.float32}
    assert models.precision == "float32"
    assert any("use_fp16: not used" in choice for choice in models.choices)


@pytest.mark.parametrize("device", ["cuda:99", "nonsense", "mps"])
def test_missing_device(released: Path, device: str) -> None:
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(ConfigError, match="device: got"):
        load(released, LoadOptions(device=device))


@pytest.mark.parametrize("name", ["gpt.pth", "s2mel.pth", "feat1.pt", "feat2.pt", "wav2vec2bert_stats.pt"])
def test_truncated_core_file(spoilable: Path, name: str) -> None:
    file = spoilable / name
    replace(file, file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(CheckpointError, match=rf"{name}: got \d+ bytes that are no complete weight file"):
        load(spoilable)


@pytest.mark.parametrize(
    "name",
    [
        "semantic_codec/model.safetensors",
        "campplus_cn_common.bin",
        "bigvgan/bigvgan_generator.pt",
        "w2v-bert-2.0/model.safetensors",
    ],
)
def test_truncated_companion(spoilable: Path, name: str) -> None:
    file = spoilable / "hf_cache" / name
    replace(file, file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(CheckpointError, match=file.name):
        load(spoilable)


def test_wrong_shape(spoilable: Path) -> None:
    state = torch.load(spoilable / "gpt.pth", weights_only=True)
    state["model"]["mel_head.bias"] = torch.zeros(7)
    replace(spoilable / "gpt.pth", state)
    with pytest.raises(CheckpointError, match=r"gpt.pth: mel_head.bias: got \[7\], expected \[66\]"):
        load(spoilable)


def test_missing_tensor(spoilable: Path) -> None:
    state = torch.load(spoilable / "s2mel.pth", weights_only=True)
    del state["net"]["gpt_layer"]["module.0.weight"]
    replace(spoilable / "s2mel.pth", state)
    with pytest.raises(CheckpointError, match=r"s2mel.pth: gpt_layer.0.weight: missing, expected \[256, 64\]"):
        load(spoilable)


def test_an_unknown_tensor_changes_nothing_and_is_one_warning(
    models: Models, spoilable: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, key in (("gpt.pth", "model"), ("s2mel.pth", "net")):
        state = torch.load(spoilable / name, weights_only=True)
        state[key]["surprise.weight"], state["optimizer"] = torch.zeros(4, 64), {"state": {0: torch.zeros(9)}}
        replace(spoilable / name, state)
    others = load(spoilable)
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [warning.split("/")[-1] for warning in warnings] == [
        f"{name}: skipped 1 tensors not known here: surprise.weight" for name in ("gpt.pth", "s2mel.pth")
    ]
    for (name, one), (_, other) in zip(models.named_parameters(), others.named_parameters(), strict=True):
        assert torch.equal(one, other), name


def test_statistics_without_variance(spoilable: Path) -> None:
    replace(spoilable / "wav2vec2bert_stats.pt", {"mean": torch.zeros(64)})
    with pytest.raises(CheckpointError, match=r"wav2vec2bert_stats.pt: var: missing"):
        load(spoilable)


@pytest.mark.parametrize("number", [2.5, "two"])
def test_what_a_config_says_of_the_version_is_not_trusted(spoilable: Path, number: object) -> None:
    file = spoilable / "config.yaml"
    config = yaml.safe_load(file.read_text(encoding="utf-8")) | {"version": number}
    replace(file, yaml.safe_dump(config).encode())
    assert load(spoilable).version is V2_0


def test_a_vocabulary_of_another_size_is_that_of_the_file(spoilable: Path, caplog: pytest.LogCaptureFixture) -> None:
    state = torch.load(spoilable / "gpt.pth", weights_only=True)
    table = state["model"]["text_embedding.weight"]
    state["model"]["text_embedding.weight"] = torch.cat([table, table[:7]])
    replace(spoilable / "gpt.pth", state)
    assert load(spoilable).gpt.config.number_text_tokens == len(table) + 6
    assert f"gpt.pth: {len(table) + 6} text tokens, not the {len(table) - 1} of config.yaml" in caplog.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gpt": {}}, "gpt.model_dim: Field required"),
        ({"emo_num": [1, 2]}, "emo_num: got"),
    ],
)
def test_unusable_config(spoilable: Path, change: dict, words: str) -> None:
    file = spoilable / "config.yaml"
    config = yaml.safe_load(file.read_text(encoding="utf-8")) | change
    replace(file, yaml.safe_dump(config).encode())
    with pytest.raises((ConfigError, CheckpointError), match=words):
        load(spoilable)


def test_vocoder_config_that_is_no_json(spoilable: Path) -> None:
    replace(spoilable / "hf_cache" / "bigvgan" / "config.json", b"<html>")
    with pytest.raises(ConfigError, match=r"config.json: cannot be read"):
        load(spoilable)


def test_loading_tells_how_far_it_is(released: Path) -> None:
    events: list[Event] = []
    load_models(find_checkpoint([released], released / "no hub"), LoadOptions(device="meta"), events.append)
    done = [event.done for event in events]
    assert done == sorted(done)
    assert done[-1] == events[-1].total
    assert {"gpt.pth", "s2mel.pth"} < {event.detail for event in events}

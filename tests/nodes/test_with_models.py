"""The nodes over the real pipeline and a tiny seeded model; only ComfyUI is fake."""

import asyncio
import importlib
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers import fake_comfy
from helpers.released_folder import write_released_folder
from indextts2_multitalk.indextts.errors import ConfigError


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_released_folder(tmp_path_factory.mktemp("released"))


@pytest.fixture
def nodes(comfy: fake_comfy.Management, models: Path, tmp_path: Path) -> dict[str, Any]:
    place = tmp_path / "models" / "TTS" / "IndexTTS-2"
    place.parent.mkdir(parents=True)
    place.symlink_to(models)
    classes = asyncio.run(importlib.import_module(fake_comfy.PACKAGE).IndexTTS2Extension().get_node_list())
    return {cls.define_schema().node_id: cls for cls in classes}


@torch.inference_mode()
def speak(nodes: dict[str, Any], recording: dict[str, Any], **settings: Any) -> SimpleNamespace:
    given = {"num_speakers": "1", "conversation_text": "Hello there.", "output_filename": "talk.wav"}
    audio, path, info, *_ = (
        nodes["IndexTTS2_MultiTalk"].execute(speaker1_audio=recording, **{**given, **settings}).result
    )
    return SimpleNamespace(waveform=audio["waveform"], path=path, info=info)


def test_unloaded_and_loaded_again_says_the_same(
    nodes: dict[str, Any], comfy: fake_comfy.Management, recording: dict[str, Any]
) -> None:
    first = speak(nodes, recording)
    assert "loaded in" in first.info
    assert Path(first.path).is_file()
    assert comfy.asked[0] > 0

    patcher = comfy.current_loaded_models[0].model
    comfy.unload_all()
    assert patcher.weights_dropped
    kept = speak(nodes, recording)
    assert "1 line kept from an earlier run" in kept.info and torch.equal(kept.waveform, first.waveform)
    importlib.import_module(f"{fake_comfy.PACKAGE}.take_cache").take_cache._takes.clear()
    shutil.rmtree(importlib.import_module(f"{fake_comfy.PACKAGE}.take_store").take_store.folder)

    again = speak(nodes, recording)
    assert "loaded in" in again.info
    assert torch.equal(again.waveform, first.waveform)


def test_a_mistake_in_a_glossary_is_named(nodes: dict[str, Any], recording: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "user" / "default" / "indextts2" / "glossary.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("AI: A I\nAI: ay eye", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"glossary\.yaml, line 2: got 'AI' twice"):
        speak(nodes, recording)
    file.write_text("AI: A I", encoding="utf-8")
    with pytest.raises(ConfigError, match="glossary, line 1"):
        speak(nodes, recording, glossary="no reading")


def test_both_versions_are_installed_and_each_speaks(
    nodes: dict[str, Any], recording: dict[str, Any], tmp_path: Path
) -> None:
    write_released_folder(tmp_path / "models" / "TTS" / "IndexTTS-2.5", version="2.5")
    script = {"conversation_text": "Speaker1: Hello there.\nSpeaker1: 你好。", "num_beams": 1, "flow_steps": 2}
    assert speak(nodes, recording, **script).info.count("IndexTTS-2\n") == 1
    handle, info, _ = (
        nodes["IndexTTS2_ModelManager"]
        .execute(model_name="five", config_path="auto", model_dir="TTS/IndexTTS-2.5")
        .result
    )
    assert "IndexTTS-2.5" in info
    spoken = speak(nodes, recording, model_manager=handle, **script)
    assert spoken.info.count("IndexTTS-2.5\n") == 1
    assert spoken.waveform.isfinite().all()
    assert "latents" not in spoken.info


def test_manager_and_switches_share_one_model(nodes: dict[str, Any], recording: dict[str, Any]) -> None:
    manage = nodes["IndexTTS2_ModelManager"].execute
    handle, info, stats = manage(model_name="M", config_path="auto", model_dir="auto").result
    assert "text emotion: available" in info
    assert stats["memory_bytes"] > 1e6
    plain = speak(nodes, recording, model_manager=handle, use_accel=False)
    assert "decoder: plain loop" in plain.info
    engine = speak(nodes, recording, model_manager=handle, use_accel=True)
    assert "decoder: engine" in engine.info
    assert "re-used" in engine.info
    assert "0 lines kept" in engine.info


def test_weights_that_changed_on_disk_are_loaded_and_no_old_take_is_served(
    nodes: dict[str, Any], recording: dict[str, Any], models: Path, tmp_path: Path
) -> None:
    place = tmp_path / "models" / "TTS" / "IndexTTS-2"
    place.unlink()
    shutil.copytree(models, place)
    first = speak(nodes, recording)
    weights = torch.load(place / "gpt.pth", weights_only=True)
    torch.save(louder(weights), place / "gpt.pth")
    again = speak(nodes, recording)
    assert "0 lines kept from an earlier run, 1 spoken now" in again.info
    assert "loaded in" in again.info
    assert not torch.equal(again.waveform, first.waveform)


def louder(weights: Any) -> Any:
    """Other weights of the same names and shapes."""
    if isinstance(weights, dict):
        return {name: louder(value) for name, value in weights.items()}
    return weights * 1.5 if torch.is_tensor(weights) and weights.is_floating_point() else weights

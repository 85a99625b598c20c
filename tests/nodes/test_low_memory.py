"""Low-memory mode under ComfyUI: two groups of models in turn, over the real pipeline and a tiny model."""

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers import fake_comfy
from helpers.released_folder import write_released_folder

ENCODERS, GENERATORS, SHARED = "IndexTTS2 listening models", "IndexTTS2 speaking models", "IndexTTS2 shared models"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_released_folder(tmp_path_factory.mktemp("released"))


@pytest.fixture
def pack(comfy: fake_comfy.Management, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the tests touch: modules by name, and `turns`, what was in ComfyUI's books after each request."""
    place = tmp_path / "models" / "TTS" / "IndexTTS-2"
    place.parent.mkdir(parents=True)
    place.symlink_to(models)
    names = ("model_manager", "multi_talk", "model_cache", "settings", "take_cache")
    found = {name: importlib.import_module(f"{fake_comfy.PACKAGE}.{name}") for name in names}
    turns: list[set[str]] = []
    load = comfy.load_models_gpu

    def load_and_note(*wanted: Any, **settings: Any) -> None:
        load(*wanted, **settings)
        turns.append(books(comfy))

    monkeypatch.setattr(comfy, "load_models_gpu", load_and_note)
    return SimpleNamespace(**found, turns=turns, comfy=comfy)


def books(comfy: fake_comfy.Management) -> set[str]:
    return {loaded.model.name for loaded in comfy.current_loaded_models}


def speak(pack: Any, recording: dict[str, Any], text: str = "Hello there.", low_memory: bool = True) -> Any:
    """The waveform; always spoken, never a take from before."""
    pack.take_cache.take_cache._takes.clear()
    model = pack.settings.ModelHandle(pack.settings.ModelSettings(low_memory=low_memory))
    given = {"num_speakers": "1", "conversation_text": text, "output_filename": "talk.wav", "model_manager": model}
    with torch.inference_mode():
        return pack.multi_talk.MultiTalk.execute(**given, speaker1_audio=recording).result[0]["waveform"]


def loaded(pack: Any) -> Any:
    (only,) = pack.model_cache.model_cache._loaded.values()
    return only


def test_the_groups_take_turns(pack: Any, recording: dict[str, Any]) -> None:
    speak(pack, recording)
    assert pack.turns == [{SHARED}, {SHARED, ENCODERS}, {SHARED, GENERATORS}]
    assert pack.comfy.asked[0] > 0
    assert len(set(pack.comfy.asked)) == 1


def test_a_voice_heard_before_brings_no_listeners(pack: Any, recording: dict[str, Any]) -> None:
    speak(pack, recording)
    pack.turns.clear()
    engine = loaded(pack).pipeline._decoding
    speak(pack, recording, "Something else.")
    assert pack.turns == [{SHARED, GENERATORS}] * 2
    assert loaded(pack).pipeline._decoding is engine


def test_what_holds_their_addresses_goes_before_the_speakers(pack: Any, recording: dict[str, Any]) -> None:
    speak(pack, recording)
    pipeline = loaded(pack).pipeline
    assert pipeline._decoding is not None
    loaded(pack).offload.load_encoders()
    assert pipeline._decoding is None


def test_it_says_the_same(pack: Any, recording: dict[str, Any]) -> None:
    torch.testing.assert_close(speak(pack, recording), speak(pack, recording, low_memory=False), atol=1e-4, rtol=0)


@pytest.mark.parametrize("taken", [{GENERATORS}, {SHARED}])
def test_what_comfyui_takes_comes_back(pack: Any, recording: dict[str, Any], taken: set[str]) -> None:
    first = speak(pack, recording)
    before = loaded(pack)
    evict(pack.comfy, taken)
    assert torch.equal(speak(pack, recording), first)
    assert loaded(pack) is before


@pytest.mark.parametrize("taken", [set(), {SHARED, ENCODERS}])
def test_a_run_cancelled_between_the_turns(
    pack: Any, recording: dict[str, Any], taken: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = speak(pack, recording)
    offload = loaded(pack).offload
    new_voice = {**recording, "waveform": recording["waveform"] * torch.linspace(0.5, 1.0, 16000)}

    def load_and_cancel() -> None:
        type(offload).load_encoders(offload)
        pack.comfy.cancelled = True

    with monkeypatch.context() as patched:
        patched.setattr(offload, "load_encoders", load_and_cancel)
        with pytest.raises(fake_comfy.Interrupted):
            speak(pack, new_voice)
    assert books(pack.comfy) == {SHARED, ENCODERS}
    evict(pack.comfy, taken)
    assert torch.equal(speak(pack, recording), first)
    assert speak(pack, new_voice).isfinite().all()


def test_dropped_means_gone(pack: Any, recording: dict[str, Any]) -> None:
    speak(pack, recording)
    dropped = loaded(pack)
    pack.model_cache.model_cache.drop(pack.settings.ModelHandle(pack.settings.ModelSettings(low_memory=True)))
    assert books(pack.comfy) == set()
    assert {parameter.device.type for parameter in dropped.pipeline.modules.parameters()} == {"meta"}


def test_the_manager_says_so(pack: Any) -> None:
    manage = pack.model_manager.ModelManager.execute
    handle, info, stats = manage(model_name="M", config_path="auto", model_dir="auto", low_memory=True).result
    assert handle.waits_in_ram
    assert "models take turns" in info
    assert stats["low_memory"] is True


def evict(comfy: fake_comfy.Management, names: set[str]) -> None:
    """What ComfyUI does when another model needs the room."""
    for loaded in [entry for entry in comfy.current_loaded_models if entry.model.name in names]:
        loaded.model_unload()
        comfy.current_loaded_models.remove(loaded)

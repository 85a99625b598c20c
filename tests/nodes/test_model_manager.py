"""IndexTTS2_ModelManager and the models it shares: loaded once, given back whole, loaded again when needed."""

import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.fake_comfy import Interrupted
from helpers.fake_pipeline import FakePipeline
from indextts2_multitalk.indextts.errors import CheckpointError, IndexTTSError


@pytest.fixture
def manage(pack: SimpleNamespace) -> Any:
    def run(**inputs: Any) -> tuple[Any, str, dict[str, Any]]:
        given = {"model_name": "Mine", "config_path": "auto", "model_dir": "auto"}
        return pack.nodes["IndexTTS2_ModelManager"].execute(**given | inputs).result

    return run


@pytest.fixture
def talk(pack: SimpleNamespace, recording: dict[str, Any]) -> Any:
    def run(model: Any, text: str = "Hello.", **inputs: Any) -> str:
        given = {"num_speakers": "1", "output_filename": "talk", "speaker1_audio": recording, "model_manager": model}
        return pack.nodes["IndexTTS2_MultiTalk"].execute(conversation_text=text, **given | inputs).result[2]

    return run


def test_words_and_figures(manage: Any) -> None:
    handle, info, stats = manage()
    assert handle.name == "Mine"
    assert info.startswith("Mine: found; it is loaded when a node speaks")
    assert json.loads(json.dumps(stats)) == stats
    assert (stats["parameters"], stats["precisions"], stats["device"]) == (None, ["float32"], "cpu")


def test_only_a_speaking_node_loads(manage: Any, talk: Any, pack: SimpleNamespace) -> None:
    handle = manage()[0]
    assert FakePipeline.loads == []
    talk(handle)
    _, info, stats = manage()
    assert info.startswith("Mine: in memory")
    assert (stats["loaded"], stats["parameters"], stats["memory_bytes"]) == (True, 20, 80)
    pack.comfy.unload_all()
    assert manage()[2]["loaded"] is False
    assert len(FakePipeline.loads) == 1


def test_dynamic_vram_is_declined_in_words(manage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "DynamicVRAM" not in manage()[1]
    monkeypatch.setitem(sys.modules, "comfy.memory_management", SimpleNamespace(aimdo_enabled=True))
    assert "DynamicVRAM: not for this model, which comes and leaves as a whole" in manage()[1]


def test_finished_lines_need_no_model_after_free(manage: Any, talk: Any, pack: SimpleNamespace) -> None:
    talk(manage()[0])
    pack.comfy.unload_all()
    assert "no model ran: every line was finished before" in talk(manage()[0])
    assert len(FakePipeline.loads) == 1
    assert pack.comfy.current_loaded_models == []


def test_every_node_shares_the_model(manage: Any, talk: Any) -> None:
    handle = manage(use_fp16=True)[0]
    assert "model: Mine" in talk(handle, use_fp16=False)
    assert "re-used" in talk(handle, "Again.", use_torch_compile=True)
    assert len(FakePipeline.loads) == 1
    assert FakePipeline.loads[0].use_fp16 is True


def test_attention_changes_without_loading_again(manage: Any, talk: Any, pack: SimpleNamespace) -> None:
    talk(manage()[0])
    handle, info, stats = manage(attention="sdpa")
    talk(handle, "Again.")
    assert "attention of use_accel: sdpa" in info
    assert stats["attention"] == "sdpa"
    (loaded,) = pack.model_cache.model_cache._loaded.values()
    assert loaded.pipeline.options.attention == "sdpa"
    assert len(FakePipeline.loads) == 1


def test_8_bits_are_other_weights(manage: Any, pack: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "indextts2_multitalk.indextts.loading.placement"
    monkeypatch.setattr(f"{module}.multiplies_int8", lambda: False)
    with pytest.raises(IndexTTSError, match="quantize: got int8"):
        manage(quantize="int8")
    monkeypatch.setattr(f"{module}.why_no_int8", lambda device: None)
    handle, info, stats = manage(quantize="int8")
    assert handle.settings.weights_key != manage()[0].settings.weights_key
    assert handle.settings.options.quantize == stats["quantize"] == "int8"
    assert manage()[2]["memory_bytes"] - stats["memory_bytes"] == pytest.approx(3 * 0.4384 * 2**30, rel=0.01)
    assert "device: cpu, float32 and int8" in info


@pytest.fixture
def tunable(pack: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """A card that can be tuned; width and bytes a weight of what was."""
    known: list[tuple[int, int]] = []
    config = SimpleNamespace(gpt=SimpleNamespace(model_dim=1280))
    monkeypatch.setattr(pack.tuning, "load_model_config", lambda file: config)
    monkeypatch.setattr(pack.tuning, "why_not_tuned", lambda device: None)
    monkeypatch.setattr(pack.tuning, "has_tuned_shapes", lambda device, *model: model in known)
    monkeypatch.setattr(
        pack.model_manager, "find_model_files", lambda s: SimpleNamespace(folder="x", qwen=None, config="")
    )
    return known


def test_tuning_is_done_once_and_only_where_asked(manage: Any, tunable: list[tuple[int, int]]) -> None:
    manage()
    assert FakePipeline.loads == FakePipeline.tuned == []
    assert "tune: 9 kernel shapes tried" in manage(tune=True)[1]
    assert len(FakePipeline.loads) == len(FakePipeline.tuned) == 1
    tunable.append((1280, 4))
    assert "tune: kernel shapes were tuned on this GPU before" in manage(tune=True)[1]
    assert len(FakePipeline.tuned) == 1


def test_tuning_can_be_cancelled(manage: Any, tunable: list[tuple[int, int]], pack: SimpleNamespace) -> None:
    manage(tune=True)
    pack.comfy.cancelled = True
    with pytest.raises(Interrupted):
        manage(tune=True)
    assert len(FakePipeline.tuned) == 1


def test_where_nothing_can_be_tuned_the_manager_says_why(manage: Any) -> None:
    assert "tune: left out; it is for GPUs that run Triton kernels, this is cpu" in manage(tune=True)[1]
    assert FakePipeline.loads == []


def test_given_back_and_loaded_again(manage: Any, talk: Any, pack: SimpleNamespace) -> None:
    handle = manage()[0]
    talk(handle)
    patcher = pack.comfy.current_loaded_models[0].model
    pack.comfy.unload_all()
    assert patcher.weights_dropped
    assert all(parameter.device.type == "meta" for parameter in patcher.model.parameters())
    assert "loaded in" in talk(handle, "Again.")
    assert len(FakePipeline.loads) == 2


def test_without_memory_optimization_the_model_waits_in_ram(manage: Any, talk: Any, pack: SimpleNamespace) -> None:
    handle = manage(memory_optimization=False)[0]
    talk(handle)
    pack.comfy.unload_all()
    assert "re-used" in talk(handle, "Again.")
    assert len(FakePipeline.loads) == 1


def test_derived_memory_goes_before_the_weights_move(manage: Any, talk: Any, pack: SimpleNamespace) -> None:
    talk(manage()[0])
    loaded = next(iter(pack.model_cache.model_cache._loaded.values()))
    assert loaded.pipeline.released == 0
    pack.comfy.unload_all()
    assert loaded.pipeline.released == 1


def test_not_cached_means_gone_after_the_run(manage: Any, talk: Any, pack: SimpleNamespace) -> None:
    handle = manage(cache_model=False)[0]
    talk(handle)
    assert pack.comfy.current_loaded_models == []
    talk(handle, "Again.")
    assert len(FakePipeline.loads) == 2


def test_not_cached_means_gone_after_a_failure_too(manage: Any, talk: Any, pack: SimpleNamespace) -> None:
    handle = manage(cache_model=False)[0]
    FakePipeline.fail_on = ("Hello.", IndexTTSError("no"))
    with pytest.raises(IndexTTSError):
        talk(handle)
    assert pack.comfy.current_loaded_models == []


def test_force_reload_reads_again(manage: Any, talk: Any) -> None:
    talk(manage()[0])
    assert "loaded in" in talk(manage(force_reload=True)[0], "Again.")
    assert len(FakePipeline.loads) == 2


def test_the_oldest_of_many_leaves(manage: Any, talk: Any, pack: SimpleNamespace) -> None:
    for settings in ({}, {"use_fp16": True}, {"use_cuda_kernel": True}):
        talk(manage(**settings)[0])
    assert len(pack.comfy.current_loaded_models) == pack.model_cache.MAX_MODELS


def test_a_device_that_is_not_there(manage: Any) -> None:
    with pytest.raises(IndexTTSError, match="device: got cuda, but this ComfyUI runs on cpu"):
        manage(device="cuda")


def test_fingerprint_is_a_word_that_changes_with_the_files(
    pack: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    file = tmp_path / "gpt.pth"
    file.write_bytes(b"1")
    manager = pack.nodes["IndexTTS2_ModelManager"]
    module = sys.modules[manager.__module__]
    monkeypatch.setattr(module, "find_model_files", lambda settings: SimpleNamespace(config=file, gpt=file, s2mel=file))
    first = manager.fingerprint_inputs(model_name="x", config_path="auto", model_dir="auto")
    assert isinstance(first, str)
    assert manager.fingerprint_inputs(config_path=None, model_dir=None) == first
    import os

    os.utime(file, ns=(1, 1))
    assert manager.fingerprint_inputs() != first
    assert manager.fingerprint_inputs(force_reload=True) != manager.fingerprint_inputs(force_reload=True)


def test_fingerprint_of_a_missing_model_is_no_error(pack: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = pack.nodes["IndexTTS2_ModelManager"]

    def missing(settings: Any) -> None:
        raise CheckpointError("gpt.pth is missing")

    monkeypatch.setattr(sys.modules[manager.__module__], "find_model_files", missing)
    assert manager.fingerprint_inputs() == "gpt.pth is missing"

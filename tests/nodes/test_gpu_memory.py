"""On a GPU, what ComfyUI takes back is really free; over the real pipeline and a tiny model, only ComfyUI is fake.

What a whole card sees, with ComfyUI's own memory management too: benchmarks/comfyui_memory.py.
"""

import gc
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import fake_comfy
from helpers.process_memory import used_device_bytes
from helpers.released_folder import write_released_folder

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

LEFT_IN_THE_PROCESS = 0.3 * 2**30
"""Of the card, kernels' code and cuBLAS's workspaces included, beyond what an empty process has."""

LEFT_OVER_BYTES = 4 * 2**20
"""Filter banks and the like; the tiny model takes more than ten times as much."""


@pytest.fixture
def node(comfy: fake_comfy.Management, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    from indextts2_multitalk.nodes.multi_talk import MultiTalk

    write_released_folder(tmp_path / "models" / "indextts" / "IndexTTS-2")
    monkeypatch.setattr(comfy, "get_torch_device", lambda: torch.device("cuda", 0))
    return MultiTalk


@torch.inference_mode()
def speak(node: Any, recording: dict[str, Any], text: str = "Hello there.", **settings: Any) -> torch.Tensor:
    given = {"num_speakers": "1", "conversation_text": text, "output_filename": "talk.wav"}
    return node.execute(**given, speaker1_audio=recording, **settings).result[0]["waveform"]


def allocated() -> int:
    gc.collect()
    torch._C._cuda_clearCublasWorkspaces()
    return torch.cuda.memory_allocated()


@pytest.mark.parametrize("use_fp16", [False, True])
def test_unloading_frees_the_device(
    node: Any, comfy: fake_comfy.Management, recording: dict[str, Any], use_fp16: bool
) -> None:
    before = allocated()
    speak(node, recording, use_fp16=use_fp16)
    assert allocated() - before > 4 * LEFT_OVER_BYTES
    comfy.unload_all()
    assert allocated() - before < LEFT_OVER_BYTES


@pytest.mark.parametrize("low_memory", [False, True])
def test_a_model_that_waits_in_ram_comes_back(
    node: Any, comfy: fake_comfy.Management, recording: dict[str, Any], low_memory: bool
) -> None:
    from indextts2_multitalk.nodes import take_cache
    from indextts2_multitalk.nodes.settings import ModelHandle, ModelSettings

    waiting, before = ModelHandle(ModelSettings(low_memory=low_memory), keep_in_ram=True), allocated()
    first = speak(node, recording, model_manager=waiting)
    comfy.unload_all()
    assert allocated() - before < LEFT_OVER_BYTES
    take_cache.take_cache._takes.clear()
    assert torch.equal(speak(node, recording, model_manager=waiting), first)


def test_in_low_memory_mode_listeners_and_speakers_are_never_there_together(
    node: Any, recording: dict[str, Any]
) -> None:
    from indextts2_multitalk.nodes.model_cache import model_cache
    from indextts2_multitalk.nodes.settings import ModelHandle, ModelSettings

    model = ModelHandle(ModelSettings(low_memory=True))
    speak(node, recording, model_manager=model)
    loaded = model_cache.get(model)
    assert places(loaded) == {"semantic": "cpu", "gpt": "cuda", "s2mel": "cuda"}
    loaded.offload.load_encoders()
    assert places(loaded) == {"semantic": "cuda", "gpt": "cpu", "s2mel": "cuda"}


def places(loaded: Any) -> dict[str, str]:
    return {
        name: next(getattr(loaded.pipeline.modules, name).parameters()).device.type
        for name in ("semantic", "gpt", "s2mel")
    }


@pytest.mark.parametrize("in_ram", [False, True])
def test_evicted_and_back_it_captures_its_graphs_anew_and_says_the_same(
    node: Any, comfy: fake_comfy.Management, caplog: pytest.LogCaptureFixture, in_ram: bool
) -> None:
    """The demonstration voice, with every kernel and graph that half precision has."""
    from indextts2_multitalk.nodes import demo_voice, take_cache
    from indextts2_multitalk.nodes.settings import ModelHandle, ModelSettings

    voice = demo_voice.DemoVoice.execute("anna").result[0]
    model = ModelHandle(ModelSettings(model_dir="demo", use_fp16=True, use_cuda_kernel=True), keep_in_ram=in_ram)
    empty = used_of_the_card()
    said, graphs = [], []
    for _ in range(3):
        take_cache.take_cache._takes.clear()
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "indextts2_multitalk.runtime.cuda_graphs"):
            said.append(speak(node, voice, "Good evening, everyone.", model_manager=model))
        graphs.append(sum("a new graph of" in record.getMessage() for record in caplog.records))
        comfy.unload_all()
        assert used_of_the_card() - empty < LEFT_IN_THE_PROCESS
    assert torch.equal(said[0], said[1])
    assert torch.equal(said[0], said[2])
    assert graphs[0] > 0
    assert graphs[1:] == [graphs[0]] * 2


def used_of_the_card() -> int:
    """By everyone, what is idle in the allocator given back."""
    gc.collect()
    torch.cuda.empty_cache()
    return used_device_bytes()

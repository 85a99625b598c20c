"""The nodes speak with the demonstration voice and the recordings that come with it; only ComfyUI is fake."""

import asyncio
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import fake_comfy
from indextts2_multitalk.indextts.loading.layouts import DEMO, DEMO_FOLDER

TEXT = "Anna: [surprised] You found the old radio!\nBen: It still works."


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[dict[str, Any]]:
    with fake_comfy.installed(tmp_path):
        classes = asyncio.run(importlib.import_module(fake_comfy.PACKAGE).IndexTTS2Extension().get_node_list())
        yield {cls.define_schema().node_id: cls for cls in classes}


@torch.inference_mode()
def test_two_demo_voices_talk(nodes: dict[str, Any], folder: Path) -> None:
    model_dir = DEMO if folder == DEMO_FOLDER else str(folder)
    handle, described, _ = nodes["IndexTTS2_ModelManager"].execute("M", "auto", model_dir).result
    assert "text emotion: qwen0.6bemo4-merge is not installed" in described
    assert ("not IndexTTS-2's quality" in described) == (folder == DEMO_FOLDER)
    anna, ben = (nodes["IndexTTS2_DemoVoice"].execute(voice).result[0] for voice in ("anna", "ben"))
    given = {"num_speakers": "2", "conversation_text": TEXT, "output_filename": "talk", "model_manager": handle}
    audio, path, info, *_ = (
        nodes["IndexTTS2_MultiTalk"].execute(**given, speaker1_audio=anna, speaker2_audio=ben).result
    )
    assert Path(path).is_file()
    assert "2 lines, 2 speakers" in info
    assert 2.0 < audio["waveform"].shape[-1] / audio["sample_rate"] < 12.0
    assert audio["waveform"].abs().max() > 0.05

"""One real ComfyUI for all tests here: COMFYUI_PATH=/path/to/ComfyUI pytest -m comfyui

COMFYUI_PYTHON names the interpreter that has ComfyUI's requirements and the pack's; without it the tests' own is used.
The model is a tiny one with seeded weights: it hums, it does not speak. The examples speak with the pack's own voice.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from helpers.comfy_server import ComfyServer, Prompt, default_python
from helpers.released_folder import write_released_folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    without = pytest.mark.skip(reason="COMFYUI_PATH is not set to a ComfyUI checkout")
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.comfyui)
            if not os.environ.get("COMFYUI_PATH"):
                item.add_marker(without)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    base = tmp_path_factory.mktemp("comfyui")
    write_released_folder(base / "models" / "indextts" / "IndexTTS-2")
    for folder in ("input", "output", "temp", "user"):
        (base / folder).mkdir()
    with ComfyServer(Path(os.environ["COMFYUI_PATH"]), default_python(), base) as running:
        yield running


@pytest.fixture(scope="session")
def voices(server: ComfyServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Uploaded recordings by who speaks in them."""
    folder = tmp_path_factory.mktemp("voices")
    uploaded = {}
    for name, hz, rate, channels in (("anna", 210, 44100, 2), ("ben", 110, 16000, 1), ("moved", 260, 22050, 1)):
        soundfile.write(folder / f"{name}.wav", np.stack([buzz(hz, rate)] * channels, axis=1), rate)
        uploaded[name] = server.upload(folder / f"{name}.wav")
    return uploaded


def buzz(hz: float, rate: int, seconds: float = 2.0) -> Any:
    """Something with harmonics and syllables."""
    time = np.arange(round(seconds * rate)) / rate
    tone = sum(np.sin(2 * np.pi * hz * harmonic * time) / harmonic for harmonic in range(1, 10))
    return 0.1 * tone * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time))


@pytest.fixture
def multi_talk(voices: dict[str, str]) -> Any:
    """An API workflow around IndexTTS2_MultiTalk: two uploaded voices in, Save Audio and the words out."""

    def build(text: str, manager: bool = True, **settings: Any) -> Prompt:
        inputs = {"num_speakers": "2", "conversation_text": text, "output_filename": "talk.wav"}
        inputs |= {"speaker1_audio": ["anna", 0], "speaker2_audio": ["ben", 0]} | settings
        prompt: Prompt = {
            "anna": {"class_type": "LoadAudio", "inputs": {"audio": voices["anna"]}},
            "ben": {"class_type": "LoadAudio", "inputs": {"audio": voices["ben"]}},
            "talk": {"class_type": "IndexTTS2_MultiTalk", "inputs": inputs},
            "save": {"class_type": "SaveAudio", "inputs": {"audio": ["talk", 0], "filename_prefix": "audio/talk"}},
            "info": {"class_type": "PreviewAny", "inputs": {"source": ["talk", 2]}},
            "emotions": {"class_type": "PreviewAny", "inputs": {"source": ["talk", 3]}},
        }
        if manager:
            named = {"model_name": "Shared", "config_path": "auto", "model_dir": "auto"}
            prompt["manager"] = {"class_type": "IndexTTS2_ModelManager", "inputs": named}
            inputs["model_manager"] = ["manager", 0]
        return prompt

    return build

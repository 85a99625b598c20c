"""The nodes over a fake ComfyUI and a pipeline that hums."""

import asyncio
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers import fake_comfy
from helpers.fake_pipeline import FakePipeline


@pytest.fixture
def comfy(tmp_path: Path) -> Iterator[fake_comfy.Management]:
    with fake_comfy.installed(tmp_path) as management:
        yield management


@pytest.fixture
def pack(comfy: fake_comfy.Management, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """Node classes by their key in `nodes`, the modules behind them by name, and ComfyUI's memory as `comfy`."""
    root = importlib.import_module(fake_comfy.PACKAGE)
    names = (
        "folders",
        "audio",
        "model_cache",
        "settings",
        "take_cache",
        "take_store",
        "run",
        "inputs",
        "model_manager",
        "progress",
        "tuning",
    )
    modules = {name: importlib.import_module(f"{fake_comfy.PACKAGE}.{name}") for name in names}
    FakePipeline.reset()
    monkeypatch.setattr(modules["model_cache"], "Pipeline", FakePipeline)
    monkeypatch.setattr(modules["model_cache"], "load_models", FakePipeline.load_models)
    for name in ("model_cache", "model_manager"):
        monkeypatch.setattr(modules[name], "find_model_files", lambda settings: _files(tmp_path))
    classes = asyncio.run(root.IndexTTS2Extension().get_node_list())
    return SimpleNamespace(
        nodes={cls.define_schema().node_id: cls for cls in classes}, comfy=comfy, output=tmp_path / "output", **modules
    )


def _files(folder: Path) -> SimpleNamespace:
    weights = dict.fromkeys(("s2mel", "semantic_codec", "speaker_matrix"), folder / "not there")
    config = Path(__file__).parents[2] / "configs" / "indextts2.yaml"
    return SimpleNamespace(folder=folder, qwen=None, config=config, **weights)


@pytest.fixture
def recording() -> dict[str, Any]:
    return {"waveform": torch.sin(torch.arange(16000) / 20)[None, None], "sample_rate": 16000}

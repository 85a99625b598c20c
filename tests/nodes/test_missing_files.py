"""A model that is not there: told in full, or fetched where the user asked for it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers import fake_comfy
from indextts2_multitalk.indextts.errors import CheckpointError, OutputError


@pytest.fixture
def manager(comfy: fake_comfy.Management, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    from indextts2_multitalk.nodes import fetching
    from indextts2_multitalk.nodes.model_manager import ModelManager

    asked: list[Any] = []

    def complete(survey: Any, folder: Path, on_progress: Any) -> None:
        on_progress("gpt.pth", 5, 10)
        on_progress("gpt.pth", 10, 10)
        asked.append(folder)

    monkeypatch.setattr(fetching, "complete_folder", complete)
    monkeypatch.setattr(fetching, "model_roots", lambda wanted: [tmp_path / "models"])
    return SimpleNamespace(execute=ModelManager.execute, asked=asked)


def test_all_that_is_missing_is_listed(manager: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"gpt\.pth, s2mel\.pth.*indextts2 fetch"):
        manager.execute(model_name="M", config_path="auto", model_dir=str(tmp_path))
    assert manager.asked == []


def test_fetched_when_asked_for(manager: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        manager.execute(model_name="M", config_path="auto", model_dir=str(tmp_path), download_missing=True)
    assert manager.asked == [tmp_path / "models"]
    assert fake_comfy.ProgressBar.shown == [5, 10]


def test_a_download_can_be_cancelled(manager: SimpleNamespace, comfy: fake_comfy.Management, tmp_path: Path) -> None:
    comfy.cancelled = True
    with pytest.raises(fake_comfy.Interrupted):
        manager.execute(model_name="M", config_path="auto", model_dir="auto", download_missing=True)


def test_an_output_that_cannot_be_written_is_told_before_speaking(
    pack: SimpleNamespace, recording: dict[str, Any]
) -> None:
    pack.output.mkdir()
    (pack.output / "file").touch()
    given = {"num_speakers": "1", "conversation_text": "Hi.", "speaker1_audio": recording}
    with pytest.raises(OutputError, match="cannot be written"):
        pack.nodes["IndexTTS2_MultiTalk"].execute(**given, output_filename="file/talk.wav")
    assert pack.comfy.current_loaded_models == []

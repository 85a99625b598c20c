"""`fetch` completes a folder from a hub, and says so."""

from pathlib import Path

import pytest
from helpers.hub import Hub, serve
from indextts2_multitalk.indextts.commands.cli import main
from indextts2_multitalk.indextts.loading.find import find_checkpoint

COMPANION_FILES = {
    ("facebook/w2v-bert-2.0", "hf_cache/w2v-bert-2.0"): "",
    ("amphion/MaskGCT", "hf_cache/semantic_codec"): "semantic_codec/",
    ("nvidia/bigvgan_v2_22khz_80band_256x", "hf_cache/bigvgan"): "",
}


def hub_of(folder: Path) -> Hub:
    """A hub that publishes a released folder's files, each in its own repository."""
    files = {}
    for file in folder.rglob("*"):
        place = file.relative_to(folder).as_posix()
        if file.is_file() and not place.startswith("hf_cache"):
            files["IndexTeam/IndexTTS-2", place] = file.read_bytes()
    for (repo, place), prefix in COMPANION_FILES.items():
        for file in (folder / place).iterdir():
            files[repo, prefix + file.name] = file.read_bytes()
    campplus = "campplus_cn_common.bin"
    return Hub(files | {("funasr/campplus", campplus): (folder / "hf_cache" / campplus).read_bytes()})


def test_fetch(tmp_path: Path, model_folder: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    target = tmp_path / "model"
    with serve(hub_of(model_folder)) as hub:
        assert main(["fetch", "--to", str(target), "--endpoint", hub.endpoint]) == 0
        assert "files downloaded, complete" in capsys.readouterr().err
        assert main(["fetch", "--to", str(target), "--endpoint", hub.endpoint]) == 0
        assert "nothing was missing" in capsys.readouterr().err
    assert find_checkpoint([target], tmp_path / "hub").gpt.read_bytes() == (model_folder / "gpt.pth").read_bytes()


def test_unreachable(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    assert main(["fetch", "--to", str(tmp_path), "--endpoint", "http://127.0.0.1:9"]) == 2
    assert "cannot be downloaded from 127.0.0.1:9" in capsys.readouterr().err

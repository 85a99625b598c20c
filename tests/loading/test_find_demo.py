"""The demonstration voice: found by its name alone, named where nothing else is found, never downloaded into."""

from pathlib import Path

import pytest
from helpers.released_folder import write_released_folder
from indextts2_multitalk.indextts.commands import doctor
from indextts2_multitalk.indextts.commands.cli import main
from indextts2_multitalk.indextts.errors import CheckpointError
from indextts2_multitalk.indextts.loading import fetch, find, layouts
from indextts2_multitalk.indextts.loading.find import find_checkpoint, survey_files
from indextts2_multitalk.indextts.loading.layouts import default_roots


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pack with nothing but a demonstration voice, on a machine without models."""
    folder = write_released_folder(tmp_path / "pack" / "checkpoints" / "demo", safetensors=True)
    monkeypatch.setattr(layouts, "PACK", tmp_path / "pack")
    for module in (layouts, find):
        monkeypatch.setattr(module, "DEMO_FOLDER", folder)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    for variable in ("INDEXTTS_MODEL_DIR", "COMFYUI_PATH"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path / "pack")
    return folder


def test_its_name_means_it_wherever_it_is_said(demo: Path) -> None:
    Path("demo").mkdir()
    assert find_checkpoint(default_roots(Path("demo"))).folder == demo


def test_nothing_finds_it_unasked(demo: Path) -> None:
    survey = survey_files(default_roots())
    assert (survey.folder, survey.found) == (None, {})
    with pytest.raises(CheckpointError, match=r"Run `indextts2 fetch`.*model_dir demo \(--model-dir demo\)"):
        find_checkpoint(default_roots())


def test_a_model_beside_it_takes_none_of_its_files(demo: Path) -> None:
    write_released_folder(demo.parent / "IndexTTS-2")
    files = find_checkpoint(default_roots())
    assert files.folder.resolve() == demo.parent / "IndexTTS-2"
    assert not any(demo in place.resolve().parents for place in vars(files).values() if isinstance(place, Path))


def test_it_is_not_offered_where_it_is_not_or_to_who_named_a_folder(demo: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as named:
        find_checkpoint(default_roots(tmp_path / "mine"))
    (demo / "config.yaml").unlink()
    with pytest.raises(CheckpointError) as absent:
        find_checkpoint(default_roots())
    assert "demo" not in str(named.value).replace(str(tmp_path), "")
    assert "--model-dir demo" not in str(absent.value)


def test_it_is_installed_and_not_downloaded(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "download_file", lambda *_: pytest.fail("a download"))
    (demo / "qwen0.6bemo4-merge" / "config.json").unlink()
    assert fetch.fetch_missing(Path("demo")) == demo
    (demo / "gpt.safetensors").unlink()
    for ask in (lambda: fetch.fetch_missing(Path("demo")), lambda: find_checkpoint(default_roots(Path("demo")))):
        with pytest.raises(CheckpointError, match=r"lacks gpt\.pth in .*install the pack again"):
            ask()


def test_the_doctor_examines_it(demo: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    (demo / "qwen0.6bemo4-merge" / "config.json").unlink()
    monkeypatch.setattr(doctor, "_run_check", lambda name, *_: doctor.Finding(name, doctor.OK, "pretended"))
    assert main(["doctor", "--model-dir", "demo"]) == 0
    report = capsys.readouterr().out
    assert str(demo / "gpt.safetensors") in report
    assert "qwen0.6bemo4-merge: not found, only emotion from text needs it\n          -> the demonstration" in report

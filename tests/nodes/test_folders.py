"""Where models are searched for, and the only place a node writes to."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.errors import ConfigError, OutputError


@pytest.fixture
def folders(pack: SimpleNamespace) -> Any:
    return pack.folders


@pytest.mark.parametrize(
    ("name", "relative"),
    [
        ("a.wav", "a.wav"),
        (" talks/first.FLAC ", "talks/first.FLAC"),
        ("talks\\first.ogg", "talks/first.ogg"),
        ("no suffix", "no suffix.wav"),
        ("./a.mp3", "a.mp3"),
    ],
)
def test_inside_the_output_folder(folders: Any, pack: SimpleNamespace, name: str, relative: str) -> None:
    assert folders.resolve_output(name) == pack.output / relative


@pytest.mark.parametrize(
    "name",
    ["", "  ", "a/", "../a.wav", "a/../../b.wav", "..\\a.wav", "/tmp/a.wav", "C:\\a.wav", "c:a.wav", "\\\\host\\a.wav"],
)
def test_outside_is_refused(folders: Any, name: str) -> None:
    with pytest.raises(OutputError, match="output_filename"):
        folders.resolve_output(name)


def test_formats(folders: Any) -> None:
    with pytest.raises(OutputError, match=r"got '.exe', expected one of wav, flac, ogg, mp3"):
        folders.resolve_output("a.exe")


def test_a_link_out_is_refused(folders: Any, pack: SimpleNamespace, tmp_path: Path) -> None:
    pack.output.mkdir()
    (pack.output / "out").symlink_to(tmp_path)
    with pytest.raises(OutputError, match="which is outside"):
        folders.resolve_output("out/a.wav")


@given(name=st.text(alphabet=st.sampled_from("a./\\:\0 ~"), max_size=12))
def test_no_name_leads_out(folders: Any, pack: SimpleNamespace, name: str) -> None:
    try:
        file = folders.resolve_output(name)
    except OutputError:
        return
    assert file.is_relative_to(pack.output)


def test_every_models_folder_is_searched(folders: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {
        "vae": ([str(tmp_path / "more" / "vae")], set()),
        "TTS": ([str(tmp_path / "voices")], set()),
        "custom_nodes": ([str(tmp_path / "nodes")], set()),
    }
    monkeypatch.setattr(folders.folder_paths, "folder_names_and_paths", extra)
    roots = folders.model_roots()
    for folder in ("models", "more", "voices"):
        assert tmp_path / folder in roots
    assert tmp_path / "nodes" not in roots


def test_a_named_model_folder_is_the_only_one(folders: Any, tmp_path: Path) -> None:
    assert folders.model_roots(str(tmp_path)) == [tmp_path]
    (tmp_path / "models" / "mine").mkdir(parents=True)
    assert folders.model_roots("mine") == [tmp_path / "models" / "mine"]


def test_the_demonstration_voice_goes_by_its_name(folders: Any, tmp_path: Path) -> None:
    (tmp_path / "models" / "demo").mkdir(parents=True)
    assert folders.model_roots(" demo ") == [folders.PACK / "checkpoints" / "demo"]
    assert folders.PACK / "checkpoints" / "demo" not in folders.model_roots()


def test_a_named_config(folders: Any, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.touch()
    assert folders.named_file("auto") is None
    assert folders.named_file(str(file)) == file
    with pytest.raises(ConfigError, match=r"config_path: got 'no\.yaml'"):
        folders.named_file("no.yaml")

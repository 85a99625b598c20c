"""Weight files are read without running them; what is damaged or unsafe is refused by name."""

from pathlib import Path

import pytest
import torch
from helpers.process_memory import resident_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from indextts2_multitalk.indextts.errors import CheckpointError
from indextts2_multitalk.indextts.loading.read import read_state_dict, read_weights
from safetensors.torch import save_file

STATE = {"a.weight": torch.arange(12.0).reshape(3, 4), "a.bias": torch.ones(3), "steps": torch.tensor(7)}


def same(actual: dict[str, torch.Tensor]) -> bool:
    return actual.keys() == STATE.keys() and all(torch.equal(actual[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin"])
@pytest.mark.parametrize("zipped", [True, False])
def test_pickles(tmp_path: Path, suffix: str, zipped: bool) -> None:
    file = tmp_path / f"weights{suffix}"
    torch.save(STATE, file, _use_new_zipfile_serialization=zipped)
    assert same(read_state_dict(file))


def test_safetensors(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    save_file(STATE, file)
    assert same(read_state_dict(file))


@pytest.mark.parametrize("key", ["model", "net", "generator"])
def test_wrapped(tmp_path: Path, key: str) -> None:
    file = tmp_path / "weights.pth"
    torch.save({key: STATE, "epoch": 3, "notes": "x"}, file)
    assert same(read_state_dict(file, key))


def test_nested_under_data_parallel_names(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save({"net": {"part": {f"module.{name}": t for name, t in STATE.items()}, "module.rest": {"x": STATE}}}, file)
    state = read_state_dict(file, "net")
    assert same({name.removeprefix("part."): t for name, t in state.items() if name.startswith("part.")})
    assert "rest.x.a.bias" in state


def test_bare_tensor(tmp_path: Path) -> None:
    torch.save(STATE["a.weight"], tmp_path / "feat1.pt")
    assert torch.equal(read_weights(tmp_path / "feat1.pt"), STATE["a.weight"])
    with pytest.raises(CheckpointError, match=r"feat1.pt: got Tensor, expected a dict"):
        read_state_dict(tmp_path / "feat1.pt")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@settings(max_examples=25)
@given(part=st.floats(0, 0.999))
def test_truncated_anywhere(tmp_path_factory: pytest.TempPathFactory, suffix: str, part: float) -> None:
    folder = tmp_path_factory.mktemp("cut")
    whole, cut = folder / f"whole{suffix}", folder / f"s2mel{suffix}"
    save_file(STATE, whole) if suffix == ".safetensors" else torch.save(STATE, whole)
    data = whole.read_bytes()
    cut.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(CheckpointError, match=rf"s2mel{suffix}: got {cut.stat().st_size} bytes.*indextts2 fetch"):
        read_state_dict(cut)


@pytest.mark.parametrize("suffix", [".pth", ".bin", ".safetensors"])
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@settings(max_examples=40)
@given(data=st.binary(max_size=200))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, suffix: str, data: bytes) -> None:
    file = tmp_path_factory.mktemp("bytes") / f"weights{suffix}"
    file.write_bytes(data)
    with pytest.raises(CheckpointError, match="weights"):
        read_state_dict(file)


def test_lfs_pointer(tmp_path: Path) -> None:
    file = tmp_path / "gpt.pth"
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", encoding="utf-8")
    with pytest.raises(CheckpointError, match="Git LFS pointer"):
        read_state_dict(file)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"gpt.pth: cannot be opened"):
        read_state_dict(tmp_path / "gpt.pth")


@pytest.mark.skipif(not resident_bytes(), reason="the system does not say what a process takes")
def test_optimizer_state_beside_the_weights_takes_no_memory(tmp_path: Path) -> None:
    """As in released files, which are three times their weights."""
    moments = {number: torch.ones(4 * 2**20) for number in range(4)}
    torch.save({"model": {"weight": torch.ones(3, 4)}, "optimizer": {"state": moments}}, tmp_path / "codec.pth")
    del moments
    before = resident_bytes()
    state = read_state_dict(tmp_path / "codec.pth", "model")
    assert torch.equal(state["weight"] + 0, torch.ones(3, 4))
    assert resident_bytes() - before < 16 * 2**20

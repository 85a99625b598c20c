"""Downloads: only what is missing, continued where they stopped, checked, from the mirror the user names."""

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.hub import Hub, serve
from helpers.waiting import HUNG_SECONDS
from indextts2_multitalk.indextts.errors import CheckpointError
from indextts2_multitalk.indextts.loading import download as downloading
from indextts2_multitalk.indextts.loading.download import RemoteFile, download_file
from indextts2_multitalk.indextts.loading.fetch import fetch_missing
from indextts2_multitalk.indextts.loading.find import find_checkpoint, survey_files
from indextts2_multitalk.indextts.loading.layouts import QWEN_FILES, default_roots
from indextts2_multitalk.indextts.model_version import V2_0, V2_5

LARGE = random.Random(7).randbytes(200_000)
FILES = {
    ("IndexTeam/IndexTTS-2", name): name.encode()
    for name in ("config.yaml", "s2mel.pth", "bpe.model", "feat1.pt", "feat2.pt", "wav2vec2bert_stats.pt", "README.md")
} | {
    ("IndexTeam/IndexTTS-2", "gpt.pth"): LARGE,
    ("IndexTeam/IndexTTS-2", "qwen0.6bemo4-merge/config.json"): b"{}",
    ("IndexTeam/IndexTTS-2", "qwen0.6bemo4-merge/tokenizer.json"): b"{}",
    ("IndexTeam/IndexTTS-2", "qwen0.6bemo4-merge/tokenizer_config.json"): b"{}",
    ("IndexTeam/IndexTTS-2", "qwen0.6bemo4-merge/Modelfile"): b"FROM .",
    ("IndexTeam/IndexTTS-2", "qwen0.6bemo4-merge/model.safetensors"): LARGE[::-1],
    ("facebook/w2v-bert-2.0", "config.json"): b"{}",
    ("facebook/w2v-bert-2.0", "preprocessor_config.json"): b"{}",
    ("facebook/w2v-bert-2.0", "model.safetensors"): LARGE[:5000],
    ("facebook/w2v-bert-2.0", "conformer_shaw.pt"): LARGE,
    ("amphion/MaskGCT", "semantic_codec/model.safetensors"): b"codec",
    ("funasr/campplus", "campplus_cn_common.bin"): b"campplus",
    ("nvidia/bigvgan_v2_22khz_80band_256x", "config.json"): b"{}",
    ("nvidia/bigvgan_v2_22khz_80band_256x", "bigvgan_generator.pt"): b"vocoder",
}
FILES |= {
    ("IndexTeam/IndexTTS-2.5", name): name.encode()
    for name in (*V2_5.core_files.values(), *(f"qwen0.6bemo4-merge/{name}" for name in QWEN_FILES), "README.md")
}
UNUSED = {"README.md", "conformer_shaw.pt", "qwen0.6bemo4-merge/Modelfile"}
GPT = ("IndexTeam/IndexTTS-2", "gpt.pth")


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cache, folder or token of this machine's user takes part."""
    for name in ("INDEXTTS_MODEL_DIR", "COMFYUI_PATH", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(downloading, "TIMEOUT_SECONDS", HUNG_SECONDS)
    monkeypatch.setattr(downloading.time, "sleep", lambda seconds: None)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve(Hub(dict(FILES))) as served:
        yield served


def gpt_file(folder: Path) -> RemoteFile:
    return RemoteFile(*GPT, folder, "gpt.pth")


def part_name(name: str, tag: str) -> str:
    return f"{name}.{hashlib.sha256(tag.encode()).hexdigest()[:16]}.partial"


def fetched(hub: Hub) -> set[str]:
    return {name for name, _ in hub.requests}


def test_fetches_a_whole_model_of_either_version(tmp_path: Path, hub: Hub) -> None:
    """The second takes from beside the first what both need."""
    for version in (V2_0, V2_5):
        folder = tmp_path / version.folder
        before = fetched(hub)
        assert fetch_missing(folder, hub.endpoint, version=version) == folder
        files = find_checkpoint([folder], tmp_path / "no hub")
        assert (files.folder, files.version) == (folder, version)
        assert ("semantic_codec/model.safetensors" in fetched(hub) - before) == (version is V2_0)
        assert files.semantic_codec.name == ("codec.pth" if version is V2_5 else "model.safetensors")
    assert not fetched(hub) & UNUSED
    assert not [path for _, path in hub.tokens if "/api/" in path], "a hub's listing has no say"


def test_a_second_version_gets_a_folder_of_its_own(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert fetch_missing(endpoint=hub.endpoint) == Path("checkpoints")
    assert fetch_missing(endpoint=hub.endpoint, version=V2_5) == Path("checkpoints/IndexTTS-2.5")
    assert survey_files(default_roots(), tmp_path / "no hub").version is V2_0
    assert survey_files(default_roots(), tmp_path / "no hub", V2_5).is_complete


def test_fetches_a_whole_model(tmp_path: Path, hub: Hub) -> None:
    seen: dict[str, tuple[int, int]] = {}
    folder = tmp_path / "IndexTTS-2"
    assert fetch_missing(folder, hub.endpoint, lambda name, done, total: seen.update({name: (done, total)})) == folder
    files = find_checkpoint(default_roots(folder))
    assert files.gpt.read_bytes() == LARGE
    assert files.w2v_bert == folder / "hf_cache" / "w2v-bert-2.0"
    assert files.qwen is not None
    assert not list(folder.rglob("*.partial"))
    assert not fetched(hub) & UNUSED
    assert seen["gpt.pth"] == (len(LARGE), len(LARGE))


def test_fetches_only_what_is_missing(tmp_path: Path, hub: Hub) -> None:
    fetch_missing(tmp_path, hub.endpoint)
    (tmp_path / "s2mel.pth").unlink()
    (tmp_path / "hf_cache" / "bigvgan" / "bigvgan_generator.pt").unlink()
    hub.requests.clear()
    fetch_missing(tmp_path, hub.endpoint)
    assert fetched(hub) == {"s2mel.pth", "bigvgan_generator.pt"}


def test_what_the_hub_cache_holds_is_not_downloaded_again(tmp_path: Path, hub: Hub) -> None:
    snapshot = tmp_path / "hub" / "models--funasr--campplus" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "campplus_cn_common.bin").write_bytes(b"campplus")
    fetch_missing(tmp_path / "model", hub.endpoint)
    assert "campplus_cn_common.bin" not in fetched(hub)


def test_endpoint_from_the_environment(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint + "/")
    fetch_missing(tmp_path)
    assert "gpt.pth" in fetched(hub)


def test_continues_after_an_interruption(tmp_path: Path, hub: Hub) -> None:
    class Stop(BaseException):
        pass

    def stop(name: str, done: int, total: int) -> None:
        raise Stop

    file = gpt_file(tmp_path)
    hub.cut = 70_000
    with pytest.raises(Stop):
        download_file(file, hub.endpoint, stop)
    assert not file.target.exists()
    arrived = (tmp_path / part_name("gpt.pth", hashlib.sha256(LARGE).hexdigest())).stat().st_size
    assert arrived > 0
    hub.cut = None
    download_file(file, hub.endpoint)
    assert hub.requests == [("gpt.pth", 0), ("gpt.pth", arrived)]
    assert file.target.read_bytes() == LARGE


def test_broken_connections_are_taken_up_where_they_broke(tmp_path: Path, hub: Hub) -> None:
    hub.cut = 60_000
    download_file(gpt_file(tmp_path), hub.endpoint)
    assert [start for _, start in hub.requests] == [0, 60_000, 120_000, 180_000]
    assert (tmp_path / "gpt.pth").read_bytes() == LARGE


def test_dead_connection_gives_up_and_keeps_what_came(tmp_path: Path, hub: Hub) -> None:
    hub.cut = 0
    part = tmp_path / part_name("gpt.pth", hashlib.sha256(LARGE).hexdigest())
    part.write_bytes(LARGE[:100])
    with pytest.raises(CheckpointError, match=r"gpt.pth: cannot be downloaded .*the same command continues"):
        download_file(gpt_file(tmp_path), hub.endpoint)
    assert part.stat().st_size == 100


def test_part_of_another_revision_is_not_continued(tmp_path: Path, hub: Hub) -> None:
    (tmp_path / "gpt.pth.0123456789abcdef.partial").write_bytes(b"old")
    download_file(gpt_file(tmp_path), hub.endpoint)
    assert hub.requests == [("gpt.pth", 0)]
    assert (tmp_path / "gpt.pth").read_bytes() == LARGE


def test_other_content_than_announced_is_refused(tmp_path: Path, hub: Hub) -> None:
    hub.announced[GPT] = LARGE[::-1]
    with pytest.raises(CheckpointError, match="not what the hub announced"):
        download_file(gpt_file(tmp_path), hub.endpoint)
    assert list(tmp_path.iterdir()) == []


def test_unknown_file(tmp_path: Path, hub: Hub) -> None:
    del hub.files["funasr/campplus", "campplus_cn_common.bin"]
    with pytest.raises(CheckpointError, match=r"campplus_cn_common.bin: cannot be downloaded from 127.0.0.1"):
        fetch_missing(tmp_path, hub.endpoint)


def test_no_hub(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"Check the connection, or name a mirror with --endpoint"):
        fetch_missing(tmp_path, "http://127.0.0.1:9")


def test_full_disk(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 10}))
    with pytest.raises(CheckpointError, match="GiB free"):
        download_file(gpt_file(tmp_path), hub.endpoint)


def test_folder_that_cannot_be_made(tmp_path: Path, hub: Hub) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"cannot be written .* choose another folder with --to"):
        fetch_missing(tmp_path / "file" / "model", hub.endpoint)

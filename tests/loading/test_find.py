"""Wherever another program has put the files, they are found; what is missing is named once, with the remedy."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from indextts2_multitalk.indextts.errors import CheckpointError
from indextts2_multitalk.indextts.loading.find import find_checkpoint, survey_files
from indextts2_multitalk.indextts.loading.layouts import default_roots, list_snapshots

CORE = ("config.yaml", "gpt.pth", "s2mel.pth", "bpe.model", "feat1.pt", "feat2.pt", "wav2vec2bert_stats.pt")
LAYOUTS = (
    "indextts/IndexTTS-2",
    "TTS/IndexTTS-2",
    "TTS/IndexTTS/IndexTTS-2",
    "IndexTTS-2",
    "TTS/Index-TTS",
    "TTS/IndexTTS",
)
W2V = ("config.json", "preprocessor_config.json", "model.safetensors")
BIGVGAN = ("config.json", "bigvgan_generator.pt")
PLACES = {
    "w2v_bert": ("w2v-bert-2.0",),
    "semantic_codec": (
        "semantic_codec/model.safetensors",
        "MaskGCT/semantic_codec/model.safetensors",
        "semantic_codec_model.safetensors",
    ),
    "campplus": ("campplus_cn_common.bin", "campplus/campplus_cn_common.bin"),
    "bigvgan": ("bigvgan", "bigvgan_v2_22khz_80band_256x", "bigvgan/bigvgan_v2_22khz_80band_256x"),
}
EXTERNAL = {"w2v_bert": "w2v_bert", "semantic_codec": "maskgct", "campplus": "campplus", "bigvgan": "bigvgan"}
SNAPSHOTS = {
    "w2v_bert": "models--facebook--w2v-bert-2.0/snapshots/abc",
    "semantic_codec": "models--amphion--MaskGCT/snapshots/abc/semantic_codec/model.safetensors",
    "campplus": "models--funasr--campplus/snapshots/abc/campplus_cn_common.bin",
    "bigvgan": "models--nvidia--bigvgan_v2_22khz_80band_256x/snapshots/abc",
}


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("version: 2.0\n" if file.name == "config.yaml" else "x", encoding="utf-8")


def put_core(folder: Path, *without: str) -> None:
    touch(*(folder / name for name in CORE if name not in without))


def put_companion(field: str, place: Path) -> None:
    files = {"w2v_bert": W2V, "bigvgan": BIGVGAN}.get(field)
    touch(*(place / name for name in files)) if files else touch(place)


def put_companions(folder: Path) -> None:
    for field, names in PLACES.items():
        put_companion(field, folder / names[0])


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    return tmp_path / "hub"


@pytest.mark.parametrize("layout", [*LAYOUTS, "."])
def test_core_in_every_known_place(models: Path, hub: Path, layout: str) -> None:
    put_core(models / layout)
    put_companions(models / layout / "hf_cache")
    files = find_checkpoint([models], hub)
    assert files.folder == models / layout
    assert files.gpt == models / layout / "gpt.pth"
    assert files.qwen is None


def companion_places() -> list[tuple[str, str]]:
    folders = ("{core}", "{core}/hf_cache", "models/TTS", "models/TTS/hf_cache")
    places = [(f, f"{base}/{name}") for f, names in PLACES.items() for base in folders for name in names]
    for base, (field, external) in itertools.product(("{core}", "models/TTS"), EXTERNAL.items()):
        places += [(field, f"{base}/external_models/{external}/{name}") for name in PLACES[field]]
        places += [(field, f"{base}/external_models/{external}/{SNAPSHOTS[field]}")]
        places += [(field, f"{base}/hf_cache/{SNAPSHOTS[field]}")]
    return places + [(field, f"hub/{place}") for field, place in SNAPSHOTS.items()]


@pytest.mark.parametrize(("field", "place"), companion_places())
def test_companion_in_every_known_place(tmp_path: Path, models: Path, hub: Path, field: str, place: str) -> None:
    core = models / "TTS" / "IndexTTS-2"
    put_core(core)
    where = tmp_path / place.format(core=core.relative_to(tmp_path))
    put_companion(field, where)
    assert survey_files([models], hub).found[field] == where


@pytest.mark.parametrize("place", [".", "w2v-bert-2.0"])
def test_external_folder_may_be_the_model_itself(models: Path, hub: Path, place: str) -> None:
    put_core(models / "IndexTTS-2")
    put_companion("w2v_bert", models / "IndexTTS-2" / "external_models" / "w2v_bert" / place)
    assert "w2v_bert" in survey_files([models], hub).found


@settings(max_examples=30)
@given(complete=st.sets(st.sampled_from(range(len(LAYOUTS))), min_size=1), broken=st.sets(st.sampled_from(range(6))))
def test_first_complete_core_wins(
    tmp_path_factory: pytest.TempPathFactory, complete: set[int], broken: set[int]
) -> None:
    models = tmp_path_factory.mktemp("models")
    for index, layout in enumerate(LAYOUTS):
        if index in complete:
            put_core(models / layout)
        elif index in broken:
            put_core(models / layout, "feat1.pt")
    assert survey_files([models], models / "hub").folder == models / LAYOUTS[min(complete)]


def test_first_root_wins(tmp_path: Path) -> None:
    put_core(tmp_path / "b" / "indextts" / "IndexTTS-2")
    put_core(tmp_path / "a" / "TTS" / "IndexTTS")
    survey = survey_files([tmp_path / "a", tmp_path / "b"], tmp_path / "hub")
    assert survey.folder == tmp_path / "a" / "TTS" / "IndexTTS"


def test_incomplete_companion_is_passed_over(models: Path, hub: Path) -> None:
    core = models / "IndexTTS-2"
    put_core(core)
    touch(core / "bigvgan" / "config.json")
    put_companion("bigvgan", core / "hf_cache" / "bigvgan")
    assert survey_files([models], hub).found["bigvgan"] == core / "hf_cache" / "bigvgan"


def test_config_names_the_files(models: Path, hub: Path) -> None:
    core = models / "IndexTTS-2"
    put_core(core, "gpt.pth")
    (core / "config.yaml").write_text("gpt_checkpoint: other.pth\n", encoding="utf-8")
    assert survey_files([models], hub).missing["gpt"] == "other.pth"
    touch(core / "other.pth")
    assert survey_files([models], hub).found["gpt"] == core / "other.pth"


@pytest.mark.parametrize(
    "name",
    ["../outside.pth", "/etc/passwd", "\\\\host\\share\\outside.pth", "C:\\outside.pth", "n" * 900, "..", ".", "a/"],
)
def test_a_name_in_config_leads_nowhere_else(models: Path, hub: Path, name: str) -> None:
    folder = models / LAYOUTS[0]
    put_core(folder)
    (folder.parent / "outside.pth").touch()
    (folder / "config.yaml").write_text(f"gpt_checkpoint: '{name}'\n", encoding="utf-8")
    assert survey_files([models], hub).found["gpt"] == folder / "gpt.pth"


def test_safetensors_stand_in_for_pickles(models: Path, hub: Path) -> None:
    core = models / "IndexTTS-2"
    put_core(core, "gpt.pth")
    touch(core / "gpt.safetensors", core / "hf_cache" / "campplus_cn_common.safetensors")
    found = survey_files([models], hub).found
    assert found["gpt"] == core / "gpt.safetensors"
    assert found["campplus"] == core / "hf_cache" / "campplus_cn_common.safetensors"


def test_optional_parts_are_found(models: Path, hub: Path) -> None:
    core = models / "IndexTTS-2"
    put_core(core)
    put_companions(core / "hf_cache")
    touch(core / "qwen0.6bemo4-merge" / "config.json", core / "glossary.yaml")
    files = find_checkpoint([models], hub)
    assert (files.qwen, files.glossary) == (core / "qwen0.6bemo4-merge", core / "glossary.yaml")


def test_everything_missing_is_named_at_once(models: Path, hub: Path) -> None:
    core = models / "TTS" / "IndexTTS-2"
    put_core(core, "s2mel.pth", "feat2.pt")
    put_companion("campplus", core / "campplus_cn_common.bin")
    with pytest.raises(CheckpointError) as error:
        find_checkpoint([models], hub)
    message = str(error.value)
    for name in ("s2mel.pth", "feat2.pt", "w2v-bert-2.0", "semantic_codec/model.safetensors", "bigvgan"):
        assert name in message
    assert "campplus" not in message
    assert "gpt.pth" not in message
    assert str(models) in message
    assert str(hub) in message
    assert f"indextts2 fetch --to {core}" in message


def test_nothing_there(models: Path, hub: Path) -> None:
    with pytest.raises(CheckpointError, match=r"gpt\.pth.*indextts2 fetch"):
        find_checkpoint([models], hub)


def test_another_model_is_named(models: Path, hub: Path) -> None:
    touch(*(models / "IndexTTS-2" / name for name in ("gpt.pth", "dvae.pth")))
    with pytest.raises(CheckpointError, match=r"got an IndexTTS-1\.x folder, expected IndexTTS-2 .* or IndexTTS-2\.5"):
        find_checkpoint([models], hub)
    put_core(models / "TTS" / "IndexTTS")
    assert survey_files([models], hub).folder == models / "TTS" / "IndexTTS"


def test_named_folder_is_the_only_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDEXTTS_MODEL_DIR", str(tmp_path / "env"))
    assert default_roots(tmp_path / "named") == [tmp_path / "named"]


def test_usual_roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDEXTTS_MODEL_DIR", str(tmp_path / "env"))
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path / "ComfyUI"))
    roots = default_roots()
    assert roots[:3] == [tmp_path / "env", Path("checkpoints"), tmp_path / "ComfyUI" / "models"]
    given = default_roots(models_folders=[tmp_path / "a", tmp_path / "b"])
    assert given[:4] == [tmp_path / "env", Path("checkpoints"), tmp_path / "a", tmp_path / "b"]


def test_snapshot_of_main_comes_first(hub: Path) -> None:
    for revision in ("old", "new"):
        touch(hub / "models--x--y" / "snapshots" / revision / "f")
    (hub / "models--x--y" / "refs").mkdir()
    for revision in ("old", "new"):
        (hub / "models--x--y" / "refs" / "main").write_text(revision, encoding="utf-8")
        assert list_snapshots(hub, "x/y")[0].name == revision
    assert list_snapshots(hub, "x/z") == []

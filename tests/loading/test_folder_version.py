"""Both versions are told apart by their files, found wherever packs keep them, and never mixed in silence."""

from pathlib import Path

import pytest
from indextts2_multitalk.indextts.errors import CheckpointError
from indextts2_multitalk.indextts.loading.fetch import fetch_missing
from indextts2_multitalk.indextts.loading.find import explain_missing, survey_files
from indextts2_multitalk.indextts.model_version import V2_0, V2_5, ModelVersion

PLACES = {
    V2_0: ("indextts/IndexTTS-2", "TTS/IndexTTS-2", "TTS/Index-TTS", "TTS/IndexTTS", "."),
    V2_5: ("indextts/IndexTTS-2.5", "TTS/IndexTTS-2.5", "IndexTTS-2.5", "TTS/IndexTTS", "TTS/Index-TTS", "."),
}


def put_core(folder: Path, version: ModelVersion, *without: str, config: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in set(version.core_files.values()) - {*without}:
        (folder / name).write_text(config if name == "config.yaml" else "x", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("version", "place"), [(version, place) for version, places in PLACES.items() for place in places]
)
def test_each_is_found_in_every_known_place(tmp_path: Path, version: ModelVersion, place: str) -> None:
    other = "version: 2.5\n" if version is V2_0 else "version: 2.0\ndataset: {bpe_model: bpe.model}\n"
    core = put_core(tmp_path / place, version, config=other)
    survey = survey_files([tmp_path], tmp_path / "hub")
    assert (survey.folder, survey.version, survey.mixed) == (core, version, "")
    assert not version.core_files.keys() & survey.missing.keys()


def test_both_may_be_installed_and_the_first_keeps_what_was_made_with_it(tmp_path: Path) -> None:
    cores = {version: put_core(tmp_path / version.folder, version) for version in (V2_0, V2_5)}
    assert survey_files([tmp_path], tmp_path / "hub").folder == cores[V2_0]
    for version, core in cores.items():
        assert survey_files([tmp_path], tmp_path / "hub", version).folder == core
        assert survey_files([core], tmp_path / "hub").version is version
    (cores[V2_0] / "gpt.pth").unlink()
    (cores[V2_0] / "s2mel.pth").unlink()
    assert survey_files([tmp_path], tmp_path / "hub").folder == cores[V2_5]


def test_paths_of_their_makers_machine_are_base_names(tmp_path: Path) -> None:
    config = (
        "gpt_checkpoint: /cubefs/checkpoint_5000.pth\ns2mel_checkpoint: 'D:\\models\\mine.pth'\nspk_matrix: ../x.pt\n"
    )
    core = put_core(tmp_path, V2_5, config=config)
    (core / "mine.pth").write_text("x", encoding="utf-8")
    found = survey_files([tmp_path], tmp_path / "hub").found
    assert (found["gpt"], found["s2mel"]) == (core / "gpt.pth", core / "mine.pth")
    assert found["speaker_matrix"] == core / "feat1.pt"


def test_a_vocabulary_of_another_name_will_do(tmp_path: Path) -> None:
    core = put_core(tmp_path, V2_5, V2_5.core_files["vocabulary"])
    assert survey_files([tmp_path], tmp_path / "hub").missing["vocabulary"] == V2_5.core_files["vocabulary"]
    (core / "own.tiktoken").write_text("x", encoding="utf-8")
    assert survey_files([tmp_path], tmp_path / "hub").found["vocabulary"] == core / "own.tiktoken"


@pytest.mark.parametrize(("tokens", "version"), [(12000, V2_0), (60509, V2_5), (70000, V2_5)])
def test_a_folder_that_mixes_both_is_named(tmp_path: Path, tokens: int, version: ModelVersion) -> None:
    for each in (V2_0, V2_5):
        put_core(tmp_path, each, config=f"gpt: {{number_text_tokens: {tokens}}}\n")
    survey = survey_files([tmp_path], tmp_path / "hub")
    assert survey.version is version
    assert f"{tmp_path} holds files of IndexTTS-2 (bpe.model) and of IndexTTS-2.5 (codec.pth, multi" in survey.mixed
    assert survey.mixed in explain_missing(survey)


def test_what_is_missing_of_it_is_fetched_as_it(tmp_path: Path) -> None:
    put_core(tmp_path, V2_5, "codec.pth", "gpt.pth")
    survey = survey_files([tmp_path], tmp_path / "hub")
    words = explain_missing(survey)
    assert "codec.pth" in words
    assert "semantic_codec/model.safetensors" not in words
    assert f"indextts2 fetch --version 2.5 --to {tmp_path}" in words


def test_a_folder_of_one_version_is_not_completed_to_the_other(tmp_path: Path) -> None:
    put_core(tmp_path, V2_0)
    with pytest.raises(CheckpointError, match=r"got an IndexTTS-2\.0 folder"):
        fetch_missing(tmp_path, version=V2_5)

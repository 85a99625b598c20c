"""A `config.yaml` from elsewhere is read as OmegaConf writes it; what is not known in it is said once."""

import logging
import sys
from pathlib import Path

import pytest
import yaml
from helpers.tiny_config import TINY_CONFIG
from indextts2_multitalk.indextts.config import load_model_config
from indextts2_multitalk.indextts.errors import ConfigError

ROOT = Path(__file__).parents[2]
TINY = {key: section for key, section in TINY_CONFIG.items() if key != "bigvgan"}  # which lies in a file of its own


def write(folder: Path, config: object) -> Path:
    file = folder / "config.yaml"
    file.write_text(config if isinstance(config, str) else yaml.safe_dump(config), encoding="utf-8")
    return file


def test_unknown_keys_are_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    changed = {"surprise": 1, "gpt": TINY["gpt"] | {"flavor": [1, 2]}}
    with caplog.at_level(logging.WARNING):
        config = load_model_config(write(tmp_path, TINY | changed))
    (warning,) = caplog.messages
    assert warning.endswith("keys not known here, left unread: gpt.flavor, surprise")
    assert config == load_model_config(write(tmp_path, TINY))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gpt": {}, "surprise": 1}, r"gpt\.model_dim: Field required"),
        ({"emo_num": "many"}, r"emo_num: .*\(got 'many'\)"),
        ({"version": "${surprise}"}, r"version: .*\(got '\$\{surprise\}'\)"),
        ("gpt: " + "[" * 2000, "cannot be read"),
        ("[1, 2]", "got list, expected a mapping"),
        ("gpt: 1\ngpt: 2", "cannot be read"),
        ("gpt: [1", "cannot be read"),
    ],
)
def test_a_key_missing_or_misshapen_is_an_error(tmp_path: Path, change: dict | str, words: str) -> None:
    config = change if isinstance(change, str) else TINY | change
    with pytest.raises(ConfigError, match=words):
        load_model_config(write(tmp_path, config))


def test_interpolations_are_resolved(tmp_path: Path) -> None:
    file = write(tmp_path, TINY | {"semantic_layer": "${gpt.heads}"})
    assert load_model_config(file).semantic_layer == TINY["gpt"]["heads"]


def test_a_strangers_file_reads_no_environment_and_does_not_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INDEXTTS_SECRET", "secret")
    written = "${oc.env:INDEXTTS_SECRET}"
    doubled = {f"text{n}": f"${{text{n - 1}}}${{text{n - 1}}}" for n in range(1, 40)}
    doubled |= {f"part{n}": {"x": f"${{part{n - 1}}}", "y": f"${{part{n - 1}}}"} for n in range(1, 40)}
    chain = {f"step{n}": f"${{step{n - 1}}}" for n in range(1, 3000)}
    unknown = {"secret": written, "text0": "text", "part0": {"x": 1}, "step0": "${step2999}"} | doubled | chain
    config = load_model_config(write(tmp_path, TINY | unknown | {"gpt_checkpoint": "${secret}", "w2v_stat": written}))
    assert config.gpt_checkpoint == "${secret}"
    assert config.w2v_stat == written


def test_a_pack_updated_without_its_requirements_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "omegaconf", None)
    with pytest.raises(ConfigError, match=r"omegaconf.*pip install -r requirements\.txt"):
        load_model_config(write(tmp_path, TINY))


def test_our_own_files_have_no_unknown_key(tmp_path: Path) -> None:
    ours = ("configs/indextts2.yaml", "configs/demo.yaml", "training/toy.yaml", "checkpoints/demo/config.yaml")
    assert [load_model_config(ROOT / name, strict=True).version for name in ours] == [2.0] * 4
    with pytest.raises(ConfigError, match="surprise: Extra inputs are not permitted"):
        load_model_config(write(tmp_path, TINY | {"surprise": 1}), strict=True)

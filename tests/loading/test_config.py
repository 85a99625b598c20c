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
        ({"semantic_layer": "${surprise}"}, r"semantic_layer: .*\(got '\$\{surprise\}'\)"),
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


ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ALIASES, r"aliases followed.*line \d"),
        ("gpt: &gpt {a: *gpt}", "an alias within what it stands for"),
        ("gpt: " + "[" * 5000, "more than 20 levels"),
        ("gpt: " + "{a: " * 5000, "more than 20 levels"),
        ("".join(f"{' ' * depth}a:\n" for depth in range(400)), "more than 20 levels"),
        ("- " * 5000, "more than 20 levels"),
        ("? " * 5000, "more than 20 levels"),
        ("gpt: !!timestamp x", "a tag"),
        ("gpt: !!bool x", "a tag"),
        ("gpt: !!int ''", "a tag"),
        ("gpt: 2024-99-99", r"got '2024-99-99'"),
        ("gpt: " + "9" * 900, "gpt: .*(got 9999|cannot be read)"),
        ("gpt: =", "cannot be read"),
        ("gpt: 0b_", "cannot be read|got '0b_'"),
        ("gpt_checkpoint: " + "x" * 5000, "text of 5000 characters"),
        ("x" * 900 + ": 1\n" + "x" * 899 + ": 2", "Field required"),
        ("".join(f"k{n}: 1\n" for n in range(5900)), "more than 10000 keys and values"),
        ("#" * 200_000, "more than 100,000 bytes"),
        ("a: \x00", "cannot be read"),
        ("? [a]\n: b", "cannot be read|unhashable"),
        ("<<: x", "cannot be read"),
        ("1: 2\n~: 3\n.nan: 4\n2.5: 5", "Field required|valid string|key type"),
    ],
)
def test_a_file_that_is_small_and_means_much_is_refused_at_once(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as refused:
        load_model_config(write(tmp_path, text))
    assert len(str(refused.value)) < 3000


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("gpt", "layers", 10**9),
        ("gpt", "heads", 0),
        ("gpt", "model_dim", 10**12),
        ("gpt", "model_dim", -64),
        ("gpt", "number_text_tokens", "9" * 400),
        ("s2mel", "length_regulator", {"channels": 32, "in_channels": 64, "sampling_ratios": [1] * 1000}),
        ("semantic_codec", "vocos_num_layers", 10**6),
    ],
)
def test_sizes_that_no_model_has_are_refused(tmp_path: Path, section: str, key: str, value: object) -> None:
    config = TINY | {section: TINY[section] | {key: value}}
    with pytest.raises(ConfigError, match=rf"{section}\.{key}"):
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


@pytest.mark.parametrize("text", ["|\n  0", "0", "words", "'1'"])
def test_a_file_of_a_single_value_is_no_configuration(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"config\.yaml: cannot be read \(got a single value, expected a mapping\)"):
        load_model_config(file)

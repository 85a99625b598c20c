"""Files from elsewhere with any of their bytes changed: what they hold, or one of our errors."""

import contextlib
import io
from pathlib import Path

import pytest
import torch
import yaml
from helpers.fuzzing import changed, fuzz, texts
from helpers.tiny_config import TINY_CONFIG
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.config import load_model_config, load_vocoder_config
from indextts2_multitalk.indextts.errors import CheckpointError, ConfigError
from indextts2_multitalk.indextts.file_names import make_file_name, why_no_file_name
from indextts2_multitalk.indextts.loading.pickle_scan import ScanError, scan_pickles
from indextts2_multitalk.indextts.loading.read import read_state_dict
from indextts2_multitalk.indextts.loading.safe_path import join_inside
from indextts2_multitalk.indextts.text.glossary_file import parse_glossary
from safetensors.torch import save

TINY = yaml.safe_dump({key: value for key, value in TINY_CONFIG.items() if key != "bigvgan"})
STATE = {"a.weight": torch.arange(12.0).reshape(3, 4), "b": torch.ones(2, dtype=torch.float16)}
YAML = (
    "a: ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "!!int ",
    "!!timestamp ",
    "? ",
    ": ",
    "|\n",
    ">\n",
    "<<: ",
    "\n",
    "  ",
)
VALUES = (
    ".nan",
    ".inf",
    "1e999",
    "0x",
    "0b_",
    "2024-99-99",
    "null",
    "~",
    "=",
    "${gpt.heads}",
    "${oc.env:HOME}",
    "---\n",
)


def saved(zipped: bool) -> bytes:
    out = io.BytesIO()
    torch.save({"model": STATE, "epoch": 3}, out, _use_new_zipfile_serialization=zipped)
    return out.getvalue()


WEIGHTS = {".pth": saved(True), ".pt": saved(False), ".safetensors": save(STATE)}


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("suffix", WEIGHTS)
@fuzz(0.5)
@given(data=st.data())
def test_any_weights(tmp_path_factory: pytest.TempPathFactory, suffix: str, data: st.DataObject) -> None:
    file = tmp_path_factory.getbasetemp() / f"weights{suffix}"
    file.write_bytes(data.draw(changed(WEIGHTS[suffix])))
    with contextlib.suppress(CheckpointError):
        assert all(isinstance(tensor, torch.Tensor) for tensor in read_state_dict(file, "model").values())


@fuzz()
@given(data=changed(saved(False)[:200]))
def test_any_pickle(data: bytes) -> None:
    with contextlib.suppress(ScanError):
        scan_pickles(io.BytesIO(data))


@fuzz(0.5)
@given(insert=texts(*YAML, *VALUES, most=12), place=st.integers(0, len(TINY)), whole=st.booleans())
def test_any_config(tmp_path_factory: pytest.TempPathFactory, insert: str, place: int, whole: bool) -> None:
    file = tmp_path_factory.getbasetemp() / "config.yaml"
    text = insert if whole else TINY[:place] + insert + TINY[place:]
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    with contextlib.suppress(ConfigError):
        load_model_config(file)


@fuzz(0.3)
@given(text=texts("{", "}", "[", "]", '"num_mels":', "1e999", "NaN", ",", '"', most=12))
def test_any_json(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "config.json"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    with contextlib.suppress(ConfigError):
        load_vocoder_config(file)


@fuzz()
@given(text=texts("AI: A I\n", "行长: HANG2 ZHANG3\n", "{en: a, zh: b}", "case: exact", *YAML, *VALUES, most=12))
def test_any_glossary(text: str) -> None:
    with contextlib.suppress(ConfigError):
        assert all(parse_glossary(text, "glossary"))


@fuzz()
@given(name=texts("..", "/", "\\", "CON", "a", "C:", ".", " ", most=6))
def test_any_name(name: str) -> None:
    folder = Path("/models/here")
    with contextlib.suppress(CheckpointError):
        path = join_inside(folder, name)
        assert path.is_relative_to(folder) and ".." not in path.parts
    assert why_no_file_name(f"{make_file_name(name)[:40]}.wav") in (None, "Windows keeps that name for a device")

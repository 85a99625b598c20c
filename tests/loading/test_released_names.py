"""The seeded folders' tensor names are those of golden folders' manifests, and of the released models'."""

import hashlib
import json
import os
from pathlib import Path

import pytest
import yaml
from helpers.released_names import Shapes, gpt_shapes, halved_codec_shapes, s2mel_shapes, semantic_codec_shapes
from helpers.released_names_audio import bigvgan_shapes, campplus_shapes
from indextts2_multitalk.indextts.config import load_model_config
from indextts2_multitalk.indextts.model_version import V2_5

COMMITTED = Path(__file__).parents[1] / "goldens"
NAMED = os.environ.get("INDEXTTS_GOLDENS")
FOLDERS = [Path(NAMED)] if NAMED else [COMMITTED / "small", COMMITTED / "small-2.5"]
RELEASED = {
    "2.0": "a26998e495b4d23508f65ae0e7afc2d4d4ffd77d643d42382d0d2ec75da95a4f",
    "2.5": "47d267bc5ce4ea21d82c260d65b622c6c1866e9a22dc3866f1f7058cb31bb722",
}
CONFIGS = Path(__file__).parents[2] / "configs"


def listed(config: dict, version: str, latent_width: int) -> dict[str, Shapes]:
    """All that the goldens of a version list; the flow's parts by their own names."""
    parts = {"gpt": gpt_shapes(config, version), "campplus": campplus_shapes()}
    flow = s2mel_shapes(config, latent_width)
    if version == "2.5":
        del flow["gpt_layer"]  # the file has it, the goldens need it not
        parts["codec"] = halved_codec_shapes(config)
    else:
        parts["semantic_codec"] = semantic_codec_shapes(config)
    return {**parts, "bigvgan": bigvgan_shapes(config["bigvgan"]), **flow}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_names_and_shapes(folder: Path) -> None:
    config, manifest = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in ("config", "manifest")
    )
    sections = {name: part for name, part in manifest.items() if name != "s2mel"} | manifest["s2mel"]
    golden = {name: {key: tuple(shape) for key, shape in part.items()} for name, part in sections.items()}
    version = "2.5" if "codec" in manifest else "2.0"
    latent_width = golden["gpt_layer"]["0.weight"][1] if version == "2.0" else config["gpt"]["model_dim"]
    made = listed(config, version, latent_width)
    assert {name: made[name] for name in golden if name in made} == {name: golden[name] for name in made}
    assert golden.keys() - made.keys() <= {"gpt_layer"}


@pytest.mark.parametrize("version", RELEASED)
def test_released_size(version: str) -> None:
    """The released model's list is long; its digest stands for it."""
    config = load_model_config(CONFIGS / "indextts2.yaml", strict=True).model_dump(by_alias=True)
    config["bigvgan"] = yaml.safe_load((CONFIGS / "bigvgan.yaml").read_text(encoding="utf-8"))
    if version == "2.5":
        config["gpt"]["number_text_tokens"] = V2_5.number_text_tokens
    parts = listed(config, version, config["gpt"]["model_dim"]).items()
    lines = sorted(f"{part}.{name} {list(shape)}" for part, shapes in parts for name, shape in shapes.items())
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == RELEASED[version]

"""The seeded folder's tensor names are those of a golden folder's manifest, and of the released model's."""

import hashlib
import json
import os
from pathlib import Path

import pytest
import yaml
from helpers.released_names import Shapes, gpt_shapes, s2mel_shapes, semantic_codec_shapes
from helpers.released_names_audio import bigvgan_shapes, campplus_shapes
from indextts2_multitalk.indextts.config import load_model_config

GOLDENS = Path(os.environ.get("INDEXTTS_GOLDENS", Path(__file__).parents[1] / "goldens" / "small"))
RELEASED = "a26998e495b4d23508f65ae0e7afc2d4d4ffd77d643d42382d0d2ec75da95a4f"
CONFIGS = Path(__file__).parents[2] / "configs"


def golden(name: str) -> dict:
    return json.loads((GOLDENS / f"{name}.json").read_text(encoding="utf-8"))


def as_listed(section: dict) -> Shapes:
    return {name: tuple(shape) for name, shape in section.items()}


@pytest.mark.parametrize("section", ["gpt", "semantic_codec", "campplus", "bigvgan"])
def test_names_and_shapes(section: str) -> None:
    config, manifest = golden("config"), golden("manifest")
    made = {
        "gpt": lambda: gpt_shapes(config),
        "semantic_codec": lambda: semantic_codec_shapes(config),
        "campplus": campplus_shapes,
        "bigvgan": lambda: bigvgan_shapes(config["bigvgan"]),
    }
    assert made[section]() == as_listed(manifest[section])


def test_s2mel_names_and_shapes() -> None:
    manifest = golden("manifest")["s2mel"]
    latent_width = manifest["gpt_layer"]["0.weight"][1]
    parts = s2mel_shapes(golden("config"), latent_width)
    assert parts == {part: as_listed(manifest[part]) for part in parts}


def test_released_size() -> None:
    """The released model's list is long; its digest stands for it."""
    config = load_model_config(CONFIGS / "indextts2.yaml", strict=True).model_dump(by_alias=True)
    vocoder = yaml.safe_load((CONFIGS / "bigvgan.yaml").read_text(encoding="utf-8"))
    listed = {"gpt": gpt_shapes(config), "semantic_codec": semantic_codec_shapes(config), "campplus": campplus_shapes()}
    listed |= {"bigvgan": bigvgan_shapes(vocoder), **s2mel_shapes(config, config["gpt"]["model_dim"])}
    lines = sorted(f"{part}.{name} {list(shape)}" for part, shapes in listed.items() for name, shape in shapes.items())
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == RELEASED

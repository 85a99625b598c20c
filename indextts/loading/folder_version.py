"""Which version of the model a folder holds, told by its files: `version` in its config.yaml is often wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from os.path import isfile
from pathlib import Path
from typing import Any

from ..config import read_config_file
from ..errors import ConfigError
from ..model_version import V2_0, V2_5, ModelVersion

PICKLES = (".pth", ".pt", ".bin")


FIRST_FILES = ("dvae.pth", "bigvgan_generator.pth")
"""That only IndexTTS-1.x has."""


@dataclass(frozen=True)
class FolderVersion:
    """version: None where the folder is another model's, which `other` names, or not there. mixed: what of both
    versions lies there, in words for the user."""

    version: ModelVersion | None = None
    other: str = ""
    mixed: str = ""


def tell_version(folder: Path) -> FolderVersion:
    """What `folder` holds; IndexTTS-2 where nothing in it tells."""
    if not folder.is_dir():
        return FolderVersion()
    old = [name for name in (V2_0.core_files["vocabulary"],) if (folder / name).is_file()]
    codec = find_file(folder, V2_5.core_files["semantic_codec"])
    new = [file.name for file in (codec, *find_vocabularies(folder)) if file is not None]
    is_second = new or (old and find_file(folder, "s2mel.pth"))
    if not is_second and any((folder / name).is_file() for name in FIRST_FILES):
        return FolderVersion(other="1.x")
    tokens = _count_text_tokens(folder)
    is_new = tokens == V2_5.number_text_tokens or bool(new and (not old or tokens != V2_0.number_text_tokens))
    version = V2_5 if is_new else V2_0
    if not (old and new):
        return FolderVersion(version)
    return FolderVersion(
        version,
        mixed=f"{folder} holds files of {V2_0.title} ({', '.join(old)}) and of {V2_5.title} ({', '.join(new)}), and is "
        f"taken for {version.title}, as its config.yaml has {tokens} text tokens; keep each version in its own folder",
    )


def find_vocabularies(folder: Path) -> list[Path]:
    """Files of byte pairs, as IndexTTS-2.5's vocabulary."""
    return sorted(folder.glob("*.tiktoken"))


def find_file(folder: Path, name: str) -> Path | None:
    """The file itself, or the same weights as .safetensors."""
    file = folder / name
    if isfile(file):  # of names that no file system takes, too, which Path.is_file raises for
        return file
    twin = file.with_suffix(".safetensors")
    return twin if file.suffix in PICKLES and isfile(twin) else None


def read_raw_config(file: Path) -> Mapping[str, Any]:
    """The raw config, for what is asked before loading; empty where it cannot be read (loading says why, in full)."""
    try:
        data = read_config_file(file)
    except ConfigError:
        return {}
    return data if isinstance(data, dict) else {}


def _count_text_tokens(folder: Path) -> Any:
    gpt = read_raw_config(folder / "config.yaml").get("gpt")
    return gpt.get("number_text_tokens") if isinstance(gpt, dict) else None

"""What a complete model is made of, file by file, and the folder layouts in which other programs keep it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..model_version import V2_0, VERSIONS, ModelVersion

PACK = Path(__file__).resolve().parents[2]

DEMO = "demo"
DEMO_FOLDER = PACK / "checkpoints" / "demo"
"""A `model_dir` that is this name alone means the demonstration voice, and no other folder of that name."""

_OWN_LAYOUTS = ("indextts/{}", "TTS/{}", "TTS/IndexTTS/{}", "{}", "IndexTTS/{}")
"""With what the version is called."""
_SHARED_LAYOUTS = ("TTS/Index-TTS", "TTS/IndexTTS", "Index-TTS", "IndexTTS", ".")
CORE_LAYOUTS = (
    *(layout.format(V2_0.folder) for layout in _OWN_LAYOUTS),
    *_SHARED_LAYOUTS,
    *(layout.format(version.folder) for version in VERSIONS[1:] for layout in _OWN_LAYOUTS),
)
"""Below a models folder, or a `TTS` or `indextts` folder that is a search root of its own; or the root itself. Which
version a folder holds its files say."""

QWEN_FOLDER = "qwen0.6bemo4-merge"
QWEN_FILES = {
    "model.safetensors": False,
    "tokenizer.json": False,
    "tokenizer_config.json": False,
    "vocab.json": True,
    "merges.txt": True,
    "added_tokens.json": True,
    "special_tokens_map.json": True,
    "chat_template.jinja": True,
    "generation_config.json": True,
    "config.json": False,
}
"""Each file of that folder, and whether a revision may lack it. config.json comes last: who finds it takes the folder
for whole."""

GLOSSARY_NAME = "glossary.yaml"

CONFIG_KEYS = {
    "gpt": "gpt_checkpoint",
    "s2mel": "s2mel_checkpoint",
    "speaker_matrix": "spk_matrix",
    "emotion_matrix": "emo_matrix",
    "w2v_statistics": "w2v_stat",
}


@dataclass(frozen=True)
class Companion:
    """A model of somebody else's that IndexTTS-2 needs.

    `names`: where it lies below a folder, first choice first; the first is where `fetch` puts it below `hf_cache`, and
    what a user is told is missing.
    `files`: what must be in it, alternatives separated by "|"; empty where the names are files themselves.
    `in_repo`: its path in its own repository; `external`: its folder's name below `external_models`.
    """

    repo: str
    in_repo: str
    external: str
    names: tuple[str, ...]
    files: tuple[str, ...] = ()


COMPANIONS = {
    "w2v_bert": Companion(
        repo="facebook/w2v-bert-2.0",
        in_repo=".",
        external="w2v_bert",
        names=("w2v-bert-2.0",),
        files=("config.json", "preprocessor_config.json", "model.safetensors|pytorch_model.bin"),
    ),
    "semantic_codec": Companion(
        repo="amphion/MaskGCT",
        in_repo="semantic_codec/model.safetensors",
        external="maskgct",
        names=(
            "semantic_codec/model.safetensors",
            "MaskGCT/semantic_codec/model.safetensors",
            "semantic_codec_model.safetensors",
        ),
    ),
    "campplus": Companion(
        repo="funasr/campplus",
        in_repo="campplus_cn_common.bin",
        external="campplus",
        names=("campplus_cn_common.bin", "campplus/campplus_cn_common.bin"),
    ),
    "bigvgan": Companion(
        repo="nvidia/bigvgan_v2_22khz_80band_256x",
        in_repo=".",
        external="bigvgan",
        names=("bigvgan", "bigvgan_v2_22khz_80band_256x", "bigvgan/bigvgan_v2_22khz_80band_256x"),
        files=("config.json", "bigvgan_generator.pt|bigvgan_generator.safetensors"),
    ),
}


def list_companions(version: ModelVersion) -> dict[str, Companion]:
    """Those that a version needs: what its own folder holds it does not."""
    return {field: companion for field, companion in COMPANIONS.items() if field not in version.core_files}


def list_file_names(version: ModelVersion) -> dict[str, str]:
    """What a user is told is there or missing, by the field of `CheckpointFiles`."""
    companions = {field: companion.names[0] for field, companion in list_companions(version).items()}
    return {**version.core_files, **companions, "qwen": QWEN_FOLDER}


def default_roots(model_dir: Path | None = None, models_folders: Sequence[Path] = ()) -> list[Path]:
    """Where to search for the core files: `model_dir` alone where the user names one, else every usual place.

    The demonstration voice lies in none of the usual places: only who asks for it by its name, `DEMO`, gets it.
    `models_folders` are ComfyUI's own folders for models; without a running ComfyUI they are guessed from
    COMFYUI_PATH and from where the pack lies.
    """
    if model_dir is not None:
        return [DEMO_FOLDER if model_dir == Path(DEMO) else model_dir.expanduser()]
    named = os.environ.get("INDEXTTS_MODEL_DIR")
    roots = [Path(named).expanduser()] if named else []
    roots += [Path("checkpoints"), *(models_folders or guess_models_folders()), PACK / "checkpoints"]
    return [*roots, *(place for version in VERSIONS for place in list_snapshots(default_hub_cache(), version.repo))]


def has_demo() -> bool:
    """Whether the demonstration voice came with this copy of the pack."""
    return (DEMO_FOLDER / "config.yaml").is_file()


def guess_models_folders() -> list[Path]:
    """ComfyUI's models folder, from COMFYUI_PATH or from where the pack lies; there may be none."""
    comfyui = os.environ.get("COMFYUI_PATH")
    folders = [Path(comfyui).expanduser() / "models"] if comfyui else []
    return [*folders, PACK.parents[1] / "models"] if PACK.parent.name == "custom_nodes" else folders


def default_hub_cache() -> Path:
    """The Hugging Face cache of this user; HF_HOME and HF_HUB_CACHE move it."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def list_snapshots(cache: Path, repo: str) -> list[Path]:
    """Downloaded revisions of `repo` in a Hugging Face cache: the one `main` names, then the newest first."""
    folder = cache / f"models--{repo.replace('/', '--')}"
    if not (folder / "snapshots").is_dir():
        return []
    main = folder / "refs" / "main"
    current = main.read_text(encoding="utf-8").strip() if main.is_file() else ""
    revisions = [revision for revision in (folder / "snapshots").iterdir() if revision.is_dir()]
    return sorted(revisions, key=lambda revision: (revision.name != current, -revision.stat().st_mtime, revision.name))

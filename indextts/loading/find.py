"""Finds the files of a complete IndexTTS-2, wherever another program has already put them. First found wins."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import read_config_file
from ..errors import CheckpointError, ConfigError
from .layouts import (
    COMPANIONS,
    CONFIG_KEYS,
    CORE_FILES,
    CORE_LAYOUTS,
    DEMO,
    DEMO_FOLDER,
    FILE_NAMES,
    GLOSSARY_NAME,
    QWEN_FOLDER,
    Companion,
    default_hub_cache,
    has_demo,
    list_snapshots,
)

PICKLES = (".pth", ".pt", ".bin")


@dataclass(frozen=True)
class CheckpointFiles:
    """Where everything lies. `w2v_bert`, `bigvgan` and `qwen` are folders; the last three fields may be absent.

    user_glossary: own readings for all models; None for the user's folder."""

    folder: Path
    config: Path
    gpt: Path
    s2mel: Path
    bpe_model: Path
    speaker_matrix: Path
    emotion_matrix: Path
    w2v_statistics: Path
    w2v_bert: Path
    semantic_codec: Path
    campplus: Path
    bigvgan: Path
    qwen: Path | None = None
    glossary: Path | None = None
    user_glossary: Path | None = None


@dataclass(frozen=True)
class Survey:
    """What was found, and what was not. `folder` is the core's, complete or not; `found` and `missing` are keyed by
    the fields of `CheckpointFiles`; `missing` holds the names as released. `other_versions` are folders of
    IndexTTS-1.x or 2.5 that lay where a 2.0 might."""

    folder: Path | None
    found: dict[str, Path]
    missing: dict[str, str]
    looked_in: tuple[Path, ...]
    other_versions: dict[Path, str]

    @property
    def is_complete(self) -> bool:
        return not set(self.missing) - {"qwen"}

    @property
    def is_demo(self) -> bool:
        """Whether the demonstration voice was looked for, which nothing can be downloaded into."""
        return DEMO_FOLDER in self.looked_in


def find_checkpoint(roots: Sequence[Path], hub_cache: Path | None = None) -> CheckpointFiles:
    """Every file of a complete model. The core lies under one of `roots`, its companions there or in `hub_cache`.

    `hub_cache` is the user's Hugging Face cache where None. Raises one `CheckpointError` that names all that is
    missing, where was looked and how to get it.
    """
    survey = survey_files(roots, hub_cache)
    if not survey.is_complete:
        raise CheckpointError(explain_missing(survey))
    assert survey.folder is not None, "complete without a folder"
    return CheckpointFiles(folder=survey.folder, **survey.found)


def survey_files(roots: Sequence[Path], hub_cache: Path | None = None) -> Survey:
    """Look everywhere and raise nothing: what `doctor` shows and `fetch` completes."""
    hub = default_hub_cache() if hub_cache is None else hub_cache
    candidates = list(dict.fromkeys(root / layout for root in roots for layout in CORE_LAYOUTS))
    other_versions = {folder: version for folder in candidates if (version := _detect_other_version(folder))}
    core, found = _find_best_core(folder for folder in candidates if folder not in other_versions)
    bases = [*([core, core.parent] if core else []), *(base for root in roots for base in (root, root / "TTS"))]
    for field, companion in COMPANIONS.items():
        if place := _find_companion(companion, bases, hub):
            found[field] = place
    names = FILE_NAMES | (_core_file_names(core) if core else {})
    missing = {field: name for field, name in names.items() if field not in found}
    return Survey(core, found, missing, (*roots, hub), other_versions)


def _detect_other_version(folder: Path) -> str | None:
    """Which other IndexTTS (1.x or 2.5) a folder holds; None where it holds 2.0 or nothing."""
    if not folder.is_dir() or ((folder / "bpe.model").is_file() and _find_file(folder, "s2mel.pth")):
        return None
    if (folder / "codec.pth").is_file() or any(folder.glob("*.tiktoken")):
        return "2.5"
    return "1.x" if (folder / "dvae.pth").is_file() or (folder / "bigvgan_generator.pth").is_file() else None


def _find_best_core(folders: Iterable[Path]) -> tuple[Path | None, dict[str, Path]]:
    """The first complete core folder; where none is, the first of those that hold the most files."""
    best: Path | None = None
    most: dict[str, Path] = {}
    for folder in folders:
        found = _find_core_files(folder)
        weights = found.keys() & CORE_FILES.keys() - {"config"}
        if weights and len(found.keys() & CORE_FILES.keys()) > len(most.keys() & CORE_FILES.keys()):
            best, most = folder, found
    return best, most


def _core_file_names(folder: Path) -> dict[str, str]:
    config = _read_config(folder / "config.yaml")
    return {field: str(config.get(CONFIG_KEYS.get(field, ""), name)) for field, name in CORE_FILES.items()}


def _find_core_files(folder: Path) -> dict[str, Path]:
    found = {field: path for field, name in _core_file_names(folder).items() if (path := _find_file(folder, name))}
    qwen = folder / QWEN_FOLDER
    if (qwen / "config.json").is_file():
        found["qwen"] = qwen
    if (folder / GLOSSARY_NAME).is_file():
        found["glossary"] = folder / GLOSSARY_NAME
    return found


def _read_config(file: Path) -> dict[str, Any]:
    """The raw config, for the file names in it; empty where it cannot be read (loading says why, in full)."""
    try:
        data = read_config_file(file)
    except ConfigError:
        return {}
    return data if isinstance(data, dict) else {}


def _find_file(folder: Path, name: str) -> Path | None:
    """The file itself, or the same weights as .safetensors."""
    file = folder / name
    if file.is_file():
        return file
    twin = file.with_suffix(".safetensors")
    return twin if file.suffix in PICKLES and twin.is_file() else None


def _find_companion(companion: Companion, bases: Sequence[Path], hub: Path) -> Path | None:
    return next(
        (whole for place in _companion_places(companion, bases, hub) if (whole := _find_whole(companion, place))), None
    )


def _companion_places(companion: Companion, bases: Sequence[Path], hub: Path) -> Iterator[Path]:
    for base in dict.fromkeys(bases):
        for folder in (base, base / "hf_cache", base / "external_models" / companion.external):
            yield from (folder / name for name in companion.names)
            yield from _snapshot_places(companion, folder)
        yield base / "external_models" / companion.external / companion.in_repo
    yield from _snapshot_places(companion, hub)


def _snapshot_places(companion: Companion, cache: Path) -> Iterator[Path]:
    return (snapshot / companion.in_repo for snapshot in list_snapshots(cache, companion.repo))


def _find_whole(companion: Companion, place: Path) -> Path | None:
    """The companion at `place`, if all its files are there."""
    if not companion.files:
        return _find_file(place.parent, place.name)
    complete = all(any((place / name).is_file() for name in names.split("|")) for names in companion.files)
    return place if complete else None


def explain_missing(survey: Survey) -> str:
    """What an incomplete model lacks, where was looked for it, and how to get it."""
    if survey.folder is None and survey.other_versions:
        folder, version = next(iter(survey.other_versions.items()))
        return (
            f"{folder}: got an IndexTTS-{version} folder, expected IndexTTS-2 (gpt.pth, s2mel.pth, bpe.model). "
            f"Point to an IndexTTS-2 folder, or run `indextts2 fetch --to FOLDER` to download one"
        )
    missing = ", ".join(name for field, name in survey.missing.items() if field != "qwen")
    if survey.is_demo:
        return (
            f"the demonstration voice lacks {missing} in {DEMO_FOLDER}. It comes with the pack: install the pack "
            f"again, or run `indextts2 fetch` and choose model_dir auto for IndexTTS-2 itself"
        )
    looked = ", ".join(str(place) for place in survey.looked_in)
    where = f" of {survey.folder}" if survey.folder else ""
    named = survey.folder or (survey.looked_in[0] if len(survey.looked_in) == 2 else None)
    remedy = f"Run `indextts2 fetch{f' --to {named}' if named else ''}` to download them"
    if not named and has_demo():
        remedy += f", or choose model_dir {DEMO} (--model-dir {DEMO}) to hear the small demonstration voice"
    return f"model files missing{where}: {missing}. Looked in {looked}. {remedy}"

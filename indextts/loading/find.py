"""Finds the files of a complete IndexTTS-2 or 2.5, wherever another program has already put them. First found wins.

Where both are installed and neither is named, IndexTTS-2 is used: what was made with it before sounds as it did. The
other is used by its folder's name, and where it alone is complete.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from ..errors import CheckpointError
from ..model_version import V2_0, VERSIONS, ModelVersion
from .folder_version import FolderVersion, find_file, find_vocabularies, read_raw_config, tell_version
from .layouts import (
    CONFIG_KEYS,
    CORE_LAYOUTS,
    DEMO,
    DEMO_FOLDER,
    GLOSSARY_NAME,
    QWEN_FOLDER,
    Companion,
    default_hub_cache,
    has_demo,
    list_companions,
    list_file_names,
    list_snapshots,
)


@dataclass(frozen=True)
class CheckpointFiles:
    """Where everything lies. `w2v_bert`, `bigvgan` and `qwen` are folders; what may be None may be absent.

    vocabulary: `bpe.model`, or a `.tiktoken` file. mixed: see `FolderVersion`. user_glossary: own readings for all
    models; None for the user's folder."""

    folder: Path
    config: Path
    gpt: Path
    s2mel: Path
    vocabulary: Path
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
    version: ModelVersion = V2_0
    mixed: str = ""


@dataclass(frozen=True)
class Survey:
    """What was found, and what was not. `folder` is the core's, complete or not; `found` and `missing` are keyed by
    the fields of `CheckpointFiles`; `missing` holds the names as released. `other_versions` are folders of another
    IndexTTS, such as 1.x, that lay where the model might. mixed: see `FolderVersion`."""

    folder: Path | None
    found: dict[str, Path]
    missing: dict[str, str]
    looked_in: tuple[Path, ...]
    other_versions: dict[Path, str]
    version: ModelVersion = V2_0
    mixed: str = ""

    @property
    def is_complete(self) -> bool:
        return not set(self.missing) - {"qwen"}

    @property
    def files(self) -> CheckpointFiles:
        """Of a complete model."""
        assert self.folder is not None, "complete without a folder"
        return CheckpointFiles(folder=self.folder, version=self.version, mixed=self.mixed, **self.found)

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
    return survey.files


def survey_files(roots: Sequence[Path], hub_cache: Path | None = None, version: ModelVersion | None = None) -> Survey:
    """Look everywhere and raise nothing: what `doctor` shows and `fetch` completes. version: the only one wanted."""
    hub = default_hub_cache() if hub_cache is None else hub_cache
    candidates = {
        folder: told
        for folder in dict.fromkeys(root / layout for root in roots for layout in CORE_LAYOUTS)
        if (told := tell_version(folder)).version or told.other
    }
    surveys = [
        _survey_version(wanted, candidates, roots, hub, wanted is version)
        for wanted in ([version] if version else VERSIONS)
    ]
    complete = [survey for survey in surveys if survey.is_complete]
    begun = sorted((survey for survey in surveys if survey.folder), key=_count_missing_core)
    return [*complete, *begun, *surveys][0]


def _count_missing_core(survey: Survey) -> int:
    return len(survey.missing.keys() & survey.version.core_files.keys())


def _survey_version(
    version: ModelVersion, candidates: Mapping[Path, FolderVersion], roots: Sequence[Path], hub: Path, alone: bool
) -> Survey:
    """alone: whether folders of another version count as another model's."""
    other_versions = {
        folder: told.version.number if told.version else told.other
        for folder, told in candidates.items()
        if told.other or (alone and told.version is not version and _find_core_files(folder, told.version or version))
    }
    own = [folder for folder, told in candidates.items() if told.version is version]
    core, found = _find_best_core(own, version)
    bases = [*([core, core.parent] if core else []), *(base for root in roots for base in (root, root / "TTS"))]
    for field_name, companion in list_companions(version).items():
        if place := _find_companion(companion, bases, hub):
            found[field_name] = place
    names = list_file_names(version) | (_core_file_names(core, version) if core else {})
    missing = {field_name: name for field_name, name in names.items() if field_name not in found}
    mixed = candidates[core].mixed if core else ""
    return Survey(core, found, missing, (*roots, hub), other_versions, version, mixed)


def _find_best_core(folders: Iterable[Path], version: ModelVersion) -> tuple[Path | None, dict[str, Path]]:
    """The first complete core folder; where none is, the first of those that hold the most files."""
    best: Path | None = None
    most: dict[str, Path] = {}
    for folder in folders:
        found = _find_core_files(folder, version)
        weights = found.keys() & version.core_files.keys() - {"config"}
        if weights and len(found.keys() & version.core_files.keys()) > len(most.keys() & version.core_files.keys()):
            best, most = folder, found
    return best, most


def _core_file_names(folder: Path, version: ModelVersion) -> dict[str, str]:
    """The names in config.yaml, without the folders that a path of its maker's machine may have; where no such file is
    there but one of the released name, that."""
    config, names = read_raw_config(folder / "config.yaml"), {}
    for field_name, released in version.core_files.items():
        named = PureWindowsPath(str(config.get(CONFIG_KEYS.get(field_name, ""), released))).name or released
        names[field_name] = released if find_file(folder, released) and not find_file(folder, named) else named
    return names


def _find_core_files(folder: Path, version: ModelVersion) -> dict[str, Path]:
    names = _core_file_names(folder, version)
    found = {field_name: path for field_name, name in names.items() if (path := find_file(folder, name))}
    if "vocabulary" not in found and version.has_languages and (others := find_vocabularies(folder)):
        found["vocabulary"] = others[0]
    qwen = folder / QWEN_FOLDER
    if (qwen / "config.json").is_file():
        found["qwen"] = qwen
    if (folder / GLOSSARY_NAME).is_file():
        found["glossary"] = folder / GLOSSARY_NAME
    return found


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
        return find_file(place.parent, place.name)
    complete = all(any((place / name).is_file() for name in names.split("|")) for names in companion.files)
    return place if complete else None


def explain_missing(survey: Survey) -> str:
    """What an incomplete model lacks, where was looked for it, and how to get it."""
    if survey.folder is None and survey.other_versions:
        folder, number = next(iter(survey.other_versions.items()))
        wanted = " or ".join(f"{version.title} ({', '.join(version.core_files.values())})" for version in VERSIONS)
        return (
            f"{folder}: got an IndexTTS-{number} folder, expected {wanted}. Point to such a folder, or run "
            "`indextts2 fetch --to FOLDER` to download one"
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
    version = "" if survey.version is V2_0 else f" --version {survey.version.number}"
    remedy = f"Run `indextts2 fetch{version}{f' --to {named}' if named else ''}` to download them"
    if not named and has_demo():
        remedy += f", or choose model_dir {DEMO} (--model-dir {DEMO}) to hear the small demonstration voice"
    mixed = f". {survey.mixed}" if survey.mixed else ""
    return f"model files missing{where}: {missing}{mixed}. Looked in {looked}. {remedy}"

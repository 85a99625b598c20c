"""Downloads what a model folder lacks, each file from the repository that publishes it. Only when the user asks."""

from collections.abc import Iterator
from pathlib import Path

from ..errors import CheckpointError
from .download import OnProgress, RemoteFile, download_file, hub_endpoint, list_files
from .find import Survey, explain_missing, survey_files
from .layouts import (
    COMPANIONS,
    CORE_FILES,
    CORE_REPO,
    QWEN_FOLDER,
    default_hub_cache,
    default_roots,
    guess_models_folders,
)


def fetch_missing(to: Path | None = None, endpoint: str | None = None, on_progress: OnProgress | None = None) -> Path:
    """Complete the model folder `to` and return it; where None, the folder that is found, or a new usual one.

    What lies in any known place already is not downloaded. Raises `CheckpointError` where the hub or the disk fails;
    what has arrived stays, and the next call continues.
    """
    hub_cache = default_hub_cache()  # it belongs to the hub's own client: found, but never written to
    survey = survey_files([root for root in default_roots(to) if hub_cache not in root.parents], hub_cache)
    folder = survey.folder or to or _choose_new_folder()
    hub = hub_endpoint(endpoint)
    for file in missing_files(survey, folder, hub):
        download_file(file, hub, on_progress)
    return folder


def missing_files(survey: Survey, folder: Path, endpoint: str) -> Iterator[RemoteFile]:
    """Every file that `survey` lacks and the place in `folder` where it belongs, the core's first.

    The demonstration voice comes whole with the pack or not at all: IndexTTS-2's files would not fit it. Raises
    `CheckpointError` where it is not whole.
    """
    if survey.is_demo:
        if not survey.is_complete:
            raise CheckpointError(explain_missing(survey))
        return
    for field in survey.missing:
        if field in CORE_FILES:
            yield RemoteFile(CORE_REPO, CORE_FILES[field], folder / CORE_FILES[field])
        elif field in COMPANIONS:
            yield from _companion_files(field, folder / "hf_cache")
        elif field == "qwen":
            for path in list_files(CORE_REPO, QWEN_FOLDER, endpoint):
                yield RemoteFile(CORE_REPO, path, folder / path)


def _companion_files(field: str, cache: Path) -> Iterator[RemoteFile]:
    companion = COMPANIONS[field]
    place = cache / companion.names[0]
    if not companion.files:
        yield RemoteFile(companion.repo, companion.in_repo, place)
    for names in companion.files:
        name = names.split("|")[0]
        yield RemoteFile(companion.repo, name, place / name)


def _choose_new_folder() -> Path:
    models = next((folder for folder in guess_models_folders() if folder.is_dir()), None)
    return models / "indextts" / "IndexTTS-2" if models else Path("checkpoints")

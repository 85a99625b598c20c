"""Downloads what a model folder lacks, each file from the repository that publishes it. Only when the user asks.

Only files that layouts.py names are asked for: a hub's own listing has no say in what is written, or where.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from ..errors import CheckpointError
from ..model_version import V2_0, ModelVersion
from .download import OnProgress, RemoteFile, download_file, hub_endpoint
from .find import Survey, explain_missing, survey_files
from .layouts import (
    COMPANIONS,
    QWEN_FILES,
    QWEN_FOLDER,
    default_hub_cache,
    default_roots,
    guess_models_folders,
)

logger = logging.getLogger(__name__)


def fetch_missing(
    to: Path | None = None,
    endpoint: str | None = None,
    on_progress: OnProgress | None = None,
    version: ModelVersion | None = None,
) -> Path:
    """Complete the model folder `to` and return it; where None, the folder that is found, or a new usual one.

    version: the one wanted; None is that of the folder, or IndexTTS-2. What lies in any known place already is not
    downloaded. Raises `CheckpointError` where the hub or the disk fails, and where `to` holds another version; what has
    arrived stays, and the next call continues.
    """
    hub_cache = default_hub_cache()  # it belongs to the hub's own client: found, but never written to
    survey = survey_files([root for root in default_roots(to) if hub_cache not in root.parents], hub_cache, version)
    if to is not None and survey.folder is None and survey.other_versions:
        raise CheckpointError(explain_missing(survey))
    folder = survey.folder or to or _choose_new_folder(survey.version)
    complete_folder(survey, folder, endpoint, on_progress)
    return folder


def complete_folder(
    survey: Survey, folder: Path, endpoint: str | None = None, on_progress: OnProgress | None = None
) -> None:
    """Download what `survey` lacks into `folder`. Raises as `fetch_missing` does."""
    hub, files = hub_endpoint(endpoint), list(_list_missing(survey, folder))
    for number, file in enumerate(files, start=1):
        logger.info("downloading %s (%d of %d) to %s", file.path, number, len(files), file.target)
        download_file(file, hub, on_progress)


def _list_missing(survey: Survey, folder: Path) -> Iterator[RemoteFile]:
    """Every file that `survey` lacks and the place in `folder` where it belongs, the core's first.

    The demonstration voice comes whole with the pack or not at all: IndexTTS-2's files would not fit it. Raises
    `CheckpointError` where it is not whole.
    """
    if survey.is_demo:
        if not survey.is_complete:
            raise CheckpointError(explain_missing(survey))
        return
    repo, core_files = survey.version.repo, survey.version.core_files
    for field in survey.missing:
        if field in core_files:
            yield RemoteFile(repo, core_files[field], folder, core_files[field])
        elif field in COMPANIONS:
            yield from _companion_files(field, folder / "hf_cache")
        elif field == "qwen":
            yield from (
                RemoteFile(repo, f"{QWEN_FOLDER}/{name}", folder, f"{QWEN_FOLDER}/{name}", optional)
                for name, optional in QWEN_FILES.items()
            )


def _companion_files(field: str, cache: Path) -> Iterator[RemoteFile]:
    companion = COMPANIONS[field]
    place = companion.names[0]
    if not companion.files:
        yield RemoteFile(companion.repo, companion.in_repo, cache, place)
    for names in companion.files:
        name = names.split("|")[0]
        yield RemoteFile(companion.repo, name, cache, f"{place}/{name}")


def _choose_new_folder(version: ModelVersion) -> Path:
    models = next((folder for folder in guess_models_folders() if folder.is_dir()), None)
    if models:
        return models / "indextts" / version.folder
    return Path("checkpoints") if version is V2_0 else Path("checkpoints") / version.folder

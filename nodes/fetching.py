"""Downloads what a model lacks, when the user has switched it on, under ComfyUI's progress bar and cancel button."""

import logging
from pathlib import Path

import comfy.model_management
import comfy.utils
import folder_paths

from ..indextts.loading.download import download_file, hub_endpoint
from ..indextts.loading.fetch import missing_files
from ..indextts.loading.find import survey_files
from .folders import AUTO, model_roots
from .settings import ModelSettings

log = logging.getLogger(__name__)


def download_missing_files(settings: ModelSettings) -> None:
    """Complete the model that `settings` mean, in its own folder or a new one; what lies anywhere already is left out.

    Raises `CheckpointError` where the hub or the disk fails and ComfyUI's interrupt; what has arrived stays.
    """
    survey = survey_files(model_roots(settings.model_dir))
    bar = comfy.utils.ProgressBar(1)

    def show_progress(name: str, done: int, total: int) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        bar.update_absolute(done, total)

    files = list(missing_files(survey, survey.folder or _choose_folder(settings), hub_endpoint()))
    for number, file in enumerate(files, start=1):
        log.info("downloading %s (%d of %d) to %s", file.path, number, len(files), file.target)
        download_file(file, hub_endpoint(), show_progress)


def _choose_folder(settings: ModelSettings) -> Path:
    named = settings.model_dir.strip()
    if named and named != AUTO:
        return model_roots(named)[0]
    return Path(folder_paths.models_dir) / "indextts" / "IndexTTS-2"

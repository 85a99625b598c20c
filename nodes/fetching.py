"""Downloads what a model lacks, when the user has switched it on, under ComfyUI's progress bar and cancel button."""

from pathlib import Path

import comfy.model_management
import comfy.utils
import folder_paths

from ..indextts.loading.fetch import complete_folder
from ..indextts.loading.find import survey_files
from ..indextts.model_version import V2_0
from .folders import AUTO, model_roots
from .settings import ModelSettings


def download_missing_files(settings: ModelSettings) -> None:
    """Complete the model that `settings` mean, in its own folder or a new one; what lies anywhere already is left out.

    Raises `CheckpointError` where the hub or the disk fails and ComfyUI's interrupt; what has arrived stays.
    """
    survey = survey_files(model_roots(settings.model_dir))
    bar = comfy.utils.ProgressBar(1)

    def show_progress(name: str, done: int, total: int) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        bar.update_absolute(done, total)

    complete_folder(survey, survey.folder or _choose_folder(settings), on_progress=show_progress)


def _choose_folder(settings: ModelSettings) -> Path:
    named = settings.model_dir.strip()
    if named and named != AUTO:
        return model_roots(named)[0]
    return Path(folder_paths.models_dir) / "indextts" / V2_0.folder

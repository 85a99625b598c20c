"""The model manager's `tune`: kernel shapes for this GPU, once, under ComfyUI's progress bar and cancel button."""

import logging

import comfy.model_management
import comfy.utils

from ..indextts.config import load_model_config
from ..indextts.loading.find import CheckpointFiles
from ..indextts.loading.placement import Placement
from ..indextts.tuning import BYTES, has_tuned_shapes, why_not_tuned
from .model_cache import model_cache
from .progress import TICKS, Progress, show_words
from .settings import ModelHandle

log = logging.getLogger(__name__)


def tune_once(handle: ModelHandle, files: CheckpointFiles, placement: Placement) -> str:
    """Tune where no table has this model's shapes. Returns what was found, or why nothing was done.

    Raises ComfyUI's interrupt where the user cancels; nothing is kept then.
    """
    refusal = why_not_tuned(placement.device)
    if refusal is not None:
        return f"tune: left out; {refusal}"
    width = load_model_config(files.config).gpt.model_dim
    weight_bytes = (placement.precision.gpt_layers or placement.precision.gpt).itemsize
    if has_tuned_shapes(placement.device, width, weight_bytes):
        return "tune: kernel shapes were tuned on this GPU before"
    loaded = model_cache.get(handle, Progress())
    loaded.offload.enter_device(BYTES)
    bar = comfy.utils.ProgressBar(TICKS)

    def show_progress(share: float, what: str) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        bar.update_absolute(int(share * TICKS), TICKS)
        show_words(f"tuning {100 * share:.0f} %: {what}")

    report = loaded.pipeline.tune(show_progress)
    log.info("%s", report)
    return f"tune: {report}"

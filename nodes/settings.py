"""Which model is meant: where its files lie, on what device and in what precision it runs, and what runs it."""

import sys
from collections.abc import Hashable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import comfy.model_management as management
import torch

from ..indextts.config import load_model_config
from ..indextts.errors import IndexTTSError
from ..indextts.flow_calibration import known_schedule
from ..indextts.gpt.quantized_linear import count_saved_bytes
from ..indextts.loading.find import CheckpointFiles, find_checkpoint, survey_files
from ..indextts.loading.identity import files_stamp
from ..indextts.loading.placement import Precision
from ..indextts.options import LoadOptions, SpeakOptions
from ..indextts.text.glossary import Reading
from ..indextts.text.glossary_file import read_glossaries
from ..indextts.text.language import FIVE_LANGUAGES, TWO_LANGUAGES, Language
from .folders import AUTO, model_roots, named_file, user_glossary_file

DEFAULT_NAME = "IndexTTS2-Default"
WEIGHT_FILES = tuple(field.name for field in fields(CheckpointFiles) if "glossary" not in field.name)[1:]
"""All of `CheckpointFiles` that decides how a model sounds; not the folder it lies in."""
NONE = "none"


@dataclass(frozen=True)
class ModelSettings:
    """Models that differ only in how weights are run (`use_accel`, `use_torch_compile`, `attention`) share theirs."""

    config_path: str = AUTO
    model_dir: str = AUTO
    device: str = AUTO
    use_fp16: bool = False
    use_cuda_kernel: bool = False
    use_accel: bool = True
    use_torch_compile: bool = False
    low_memory: bool = False
    attention: str = AUTO
    quantize: str = NONE

    @property
    def weights_key(self) -> "ModelSettings":
        """The same for all settings that can share one copy of the weights."""
        return replace(self, use_accel=True, use_torch_compile=False, attention=AUTO)

    @property
    def options(self) -> LoadOptions:
        """Raises `IndexTTSError` for a device this ComfyUI does not run on."""
        same = {field.name: getattr(self, field.name) for field in fields(LoadOptions)}
        return LoadOptions(**same | {"device": str(torch_device(self.device))})


@dataclass(frozen=True)
class ModelHandle:
    """INDEXTTS2_MODEL: which model a node wants, not the model. It is loaded, or loaded again, when a node speaks.

    `keep`: stay loaded after a run. `keep_in_ram`: wait in RAM when ComfyUI wants the device's memory back; in
    low-memory mode the weights always do. `keep_takes`: finished lines are kept on disk, too.
    """

    settings: ModelSettings = ModelSettings()
    name: str = DEFAULT_NAME
    keep: bool = True
    keep_in_ram: bool = False
    keep_takes: bool = True

    @property
    def waits_in_ram(self) -> bool:
        return self.keep_in_ram or self.settings.low_memory


def find_model_files(settings: ModelSettings) -> CheckpointFiles:
    """The model's files. Raises `CheckpointError` that lists what is missing and how to get it."""
    files = find_checkpoint(model_roots(settings.model_dir))
    config = named_file(settings.config_path) or files.config
    return replace(files, config=config, user_glossary=user_glossary_file())


def weights_stamp(settings: ModelSettings) -> str:
    """Changes with any of the model's files; empty where they are not all there."""
    try:
        files = find_model_files(settings)
    except IndexTTSError:
        return ""
    return files_stamp(path for name in WEIGHT_FILES if isinstance(path := getattr(files, name), Path))


def spoken_languages(settings: ModelSettings) -> tuple[Language, ...]:
    """What the model speaks that would be loaded; IndexTTS-2's where none is found yet."""
    try:
        version = find_model_files(settings).version
    except IndexTTSError:
        return TWO_LANGUAGES
    return FIVE_LANGUAGES if version.has_languages else TWO_LANGUAGES


def read_glossary(settings: ModelSettings, text: str) -> dict[str, Reading]:
    """The own readings of a run with this model, as the files say now; the model need not be complete."""
    beside_model = survey_files(model_roots(settings.model_dir)).found.get("glossary")
    return read_glossaries([beside_model, user_glossary_file()], text)


def find_flow_schedule(settings: ModelSettings, options: SpeakOptions) -> Hashable:
    """What a run with this model would solve the flow by; None where that is not known before the model is there."""
    survey = survey_files(model_roots(settings.model_dir))
    if survey.folder is None or not survey.is_complete:
        return None
    return known_schedule(survey.files, options)


def torch_device(wanted: str) -> torch.device:
    """The device named by a node: "auto" is ComfyUI's own."""
    current = torch.device(management.get_torch_device())
    if wanted == AUTO:
        return current
    if wanted != "cpu" and current.type != wanted:
        raise IndexTTSError(f"device: got {wanted}, but this ComfyUI runs on {current}; choose auto or cpu")
    return torch.device("cpu") if wanted == "cpu" else current


def has_dynamic_vram() -> bool:
    """Whether this ComfyUI pages the layers of its own models in one by one (comfy-aimdo)."""
    return bool(getattr(sys.modules.get("comfy.memory_management"), "aimdo_enabled", False))


def weight_bytes(files: CheckpointFiles, precision: Precision) -> int:
    """What the weights will take on the device, from the files' sizes: half precision halves them, and 8 bits take less
    of the GPT. The reader of emotions is not counted: a line that needs it asks for its room."""
    left_out = (files.folder, files.qwen)
    places = [path for path in vars(files).values() if isinstance(path, Path) and path not in left_out]
    size = sum(file.stat().st_size for place in places for file in (place, *place.rglob("*")) if file.is_file())
    itemsize = precision.gpt.itemsize
    saved = 0 if precision.gpt_layers is None else count_saved_bytes(load_model_config(files.config).gpt, itemsize)
    return size * itemsize // torch.float32.itemsize - saved

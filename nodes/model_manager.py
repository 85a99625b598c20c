"""IndexTTS2_ModelManager: names a model for every node it is connected to; the first that speaks has it loaded."""

import logging
import time
from typing import Any

import comfy.model_management as management
from comfy_api.latest import io

from ..indextts.errors import IndexTTSError
from ..indextts.loading.find import CheckpointFiles
from ..indextts.loading.layouts import DEMO_FOLDER
from ..indextts.loading.placement import Placement, choose_placement
from ..indextts.options import ATTENTION_CHOICES, QUANTIZE_CHOICES
from .fetching import download_missing_files
from .folders import AUTO
from .inputs import FUSED_VOCODER, HALF_PRECISION, RECOMMENDED, ModelType, StatsType, switch_input
from .model_cache import LoadedModel, model_cache
from .settings import (
    DEFAULT_NAME,
    NONE,
    ModelHandle,
    ModelSettings,
    find_model_files,
    has_dynamic_vram,
    weight_bytes,
)
from .tuning import tune_once

log = logging.getLogger(__name__)

DYNAMIC_NOTE = "DynamicVRAM: not for this model, which comes and leaves as a whole; models that use it make room"
DEMO_NOTE = "the demonstration voice: small, English only, not IndexTTS-2's quality"


class ModelManager(io.ComfyNode):
    """An INDEXTTS2_MODEL, and what is known of it in words and figures. It reads no weights."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IndexTTS2_ModelManager",
            display_name="IndexTTS2 Model Manager",
            category="IndexTTS2/Management",
            description=(
                "Finds IndexTTS-2 and shares it. It is loaded when a node speaks, once for all of them; ComfyUI can "
                "take its memory back at any time."
            ),
            inputs=[*_source_inputs(), *_runtime_inputs()],
            outputs=[
                ModelType.Output("model", tooltip="Connect it to model_manager of the speaking nodes."),
                io.String.Output("model_info", tooltip="Which model it is, where it lies, and how it runs."),
                StatsType.Output("model_stats", tooltip="The same as figures."),
            ],
        )

    @classmethod
    def execute(
        cls,
        model_name: str,
        config_path: str,
        model_dir: str,
        use_fp16: bool = False,
        use_cuda_kernel: bool = False,
        device: str = AUTO,
        cache_model: bool = True,
        force_reload: bool = False,
        memory_optimization: bool = True,
        verbose: bool = True,
        download_missing: bool = False,
        low_memory: bool = False,
        attention: str = AUTO,
        quantize: str = NONE,
        tune: bool = False,
        keep_takes: bool = True,
    ) -> io.NodeOutput:
        settings = ModelSettings(
            config_path,
            model_dir,
            device,
            use_fp16,
            use_cuda_kernel,
            low_memory=low_memory,
            attention=attention,
            quantize=quantize,
        )
        if download_missing:
            download_missing_files(settings)
        handle = ModelHandle(
            settings, model_name.strip() or DEFAULT_NAME, cache_model, not memory_optimization, keep_takes
        )
        files, placement = find_model_files(settings), choose_placement(settings.options)
        if force_reload:
            model_cache.drop(handle)
        tuned = tune_once(handle, files, placement) if tune else None
        loaded = model_cache.peek(handle)
        stats = _collect_stats(handle, files, placement, loaded)
        info = "\n".join([_format_info(handle, files, stats), *filter(None, [tuned])])
        if verbose:
            log.info("%s", info)
        return io.NodeOutput(handle, info, stats)

    @classmethod
    def fingerprint_inputs(
        cls, config_path: str = AUTO, model_dir: str = AUTO, force_reload: bool = False, **_: Any
    ) -> str:
        """Changes with the files on disk, and on every queue where `force_reload` is on."""
        if force_reload:
            return f"reload at {time.time_ns()}"
        try:
            files = find_model_files(ModelSettings(config_path or AUTO, model_dir or AUTO))
        except IndexTTSError as error:
            return str(error)
        return ", ".join(f"{file} {file.stat().st_mtime_ns}" for file in (files.config, files.gpt, files.s2mel))


def _source_inputs() -> list[io.Input]:
    return [
        io.String.Input("model_name", default=DEFAULT_NAME, tooltip="What to call this model in model_info."),
        io.String.Input("config_path", default=AUTO, tooltip="A config.yaml, or auto: the one beside the weights."),
        io.String.Input(
            "model_dir",
            default=AUTO,
            tooltip=(
                "The folder of IndexTTS-2 or 2.5, such as indextts/IndexTTS-2.5, or auto: IndexTTS-2 where it is "
                "complete, else 2.5. demo: the small English demonstration voice that comes with the pack."
            ),
        ),
    ]


def _runtime_inputs() -> list[io.Input]:
    return [
        switch_input("use_fp16", False, f"{HALF_PRECISION} {RECOMMENDED}"),
        switch_input("use_cuda_kernel", False, FUSED_VOCODER),
        io.Combo.Input(
            "device",
            options=[AUTO, "cuda", "cpu"],
            default=AUTO,
            optional=True,
            tooltip="auto is the device ComfyUI runs on.",
        ),
        switch_input(
            "cache_model", True, "Keep the model loaded between runs. Off: it leaves as soon as a node has spoken."
        ),
        switch_input("force_reload", False, "Let the model go on every queue, so that it is read from disk again."),
        switch_input(
            "memory_optimization",
            True,
            "When ComfyUI wants the memory back, let go of all of it. Off: the model waits in RAM and returns sooner.",
        ),
        switch_input("verbose", True, "Write which model it is to the console."),
        switch_input(
            "download_missing",
            False,
            "Download missing files from Hugging Face, or the mirror in HF_ENDPOINT. Off: an error lists them.",
        ),
        switch_input(
            "low_memory",
            False,
            "Models that hear voices and models that speak take turns on the GPU, the others wait in RAM, whatever "
            "memory_optimization says: the least GPU memory, slower with every new voice.",
        ),
        io.Combo.Input(
            "attention",
            options=list(ATTENTION_CHOICES),
            default=AUTO,
            optional=True,
            tooltip=(
                "Attention of use_accel: auto takes the fastest that runs here, one that cannot run is an error. "
                "Without use_accel it has no say."
            ),
        ),
        io.Combo.Input(
            "quantize",
            options=list(QUANTIZE_CHOICES),
            default=NONE,
            optional=True,
            tooltip=(
                "int8 stores the layers of the GPT in 8 bits: 0.44 GiB less on the GPU, and half as much to read for "
                "every code. Nearly the same codes. It needs an NVIDIA GPU, or a CPU with VNNI."
            ),
        ),
        switch_input(
            "tune",
            False,
            "Find the kernel shapes that are fastest on this GPU, in 90 seconds at most, where that was not done "
            "before; all later runs use them. The model is loaded for it.",
        ),
        switch_input(
            "keep_takes",
            True,
            "Keep finished lines on disk, 512 MB at most, so that they are there after a restart. They lie in "
            "user/default/indextts2/takes.",
        ),
    ]


def _collect_stats(
    handle: ModelHandle, files: CheckpointFiles, placement: Placement, loaded: LoadedModel | None
) -> dict[str, Any]:
    """Figures, all of them JSON: sizes in bytes, times in seconds; what only a loaded model knows is None before."""
    stats = {
        "model_name": handle.name,
        "folder": str(files.folder),
        "device": str(placement.device),
        "precisions": placement.precision.names,
        "parameters": None,
        "memory_bytes": weight_bytes(files, placement.precision),
        "load_seconds": None,
        "loaded": loaded is not None,
        "cached": handle.keep,
        "low_memory": handle.settings.low_memory,
        "attention": handle.settings.attention,
        "quantize": handle.settings.quantize,
        "text_emotion": files.qwen is not None,
    }
    return stats if loaded is None else stats | _measure_model(loaded)


def _measure_model(loaded: LoadedModel) -> dict[str, Any]:
    modules = loaded.pipeline.modules
    return {
        "parameters": sum(parameter.numel() for parameter in modules.parameters()),
        "memory_bytes": management.module_size(modules),
        "load_seconds": round(loaded.load_seconds, 3),
    }


def _format_info(handle: ModelHandle, files: CheckpointFiles, stats: dict[str, Any]) -> str:
    """The figures as words."""
    size = stats["memory_bytes"] / 2**20
    known = f"{stats['parameters'] / 1e6:.1f} million parameters, {size:.0f} MiB" if stats["loaded"] else ""
    return "\n".join(
        [
            f"{handle.name}: {'in memory' if stats['loaded'] else 'found; it is loaded when a node speaks'}",
            f"folder: {files.folder}",
            f"device: {stats['device']}, {' and '.join(stats['precisions'])}",
            known or f"weights: about {size:.0f} MiB",
            "kept between runs" if handle.keep else "unloaded after every run",
            "on the device: " + ("models take turns (low_memory)" if stats["low_memory"] else "all models together"),
            *([f"attention of use_accel: {stats['attention']}"] if stats["attention"] != AUTO else []),
            *([DYNAMIC_NOTE] if has_dynamic_vram() else []),
            *([DEMO_NOTE] if files.folder == DEMO_FOLDER else []),
            "text emotion: available" if stats["text_emotion"] else "text emotion: qwen0.6bemo4-merge is not installed",
        ]
    )

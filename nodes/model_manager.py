"""IndexTTS2_ModelManager: loads a model once for every node it is connected to."""

import logging
import time
from typing import Any

import comfy.model_management as management
from comfy_api.latest import io

from ..indextts.errors import IndexTTSError
from ..indextts.loading.layouts import DEMO_FOLDER
from ..indextts.options import ATTENTION_CHOICES
from .fetching import download_missing_files
from .folders import AUTO
from .inputs import FUSED_VOCODER, HALF_PRECISION, RECOMMENDED, ModelType, StatsType, switch_input
from .model_cache import LoadedModel, model_cache
from .settings import DEFAULT_NAME, ModelHandle, ModelSettings, find_model_files

log = logging.getLogger(__name__)

DEMO_NOTE = "the demonstration voice: small, English only, not IndexTTS-2's quality"


class ModelManager(io.ComfyNode):
    """An INDEXTTS2_MODEL, and what was loaded in words and figures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IndexTTS2_ModelManager",
            display_name="IndexTTS2 Model Manager",
            category="IndexTTS2/Management",
            description="Loads IndexTTS-2 once and shares it. ComfyUI can take its memory back at any time.",
            inputs=[*_source_inputs(), *_runtime_inputs()],
            outputs=[
                ModelType.Output("model", tooltip="Connect it to model_manager of the speaking nodes."),
                io.String.Output("model_info", tooltip="What was loaded, from where, and how it runs."),
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
    ) -> io.NodeOutput:
        settings = ModelSettings(
            config_path, model_dir, device, use_fp16, use_cuda_kernel, low_memory=low_memory, attention=attention
        )
        if download_missing:
            download_missing_files(settings)
        handle = ModelHandle(settings, model_name.strip() or DEFAULT_NAME, cache_model, not memory_optimization)
        loaded = model_cache.get(handle, reload=force_reload)
        loaded.enter_device()
        stats = _collect_stats(handle, loaded)
        info = _format_info(handle, loaded, stats)
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
                "The folder with gpt.pth, s2mel.pth and bpe.model, or auto: the first one found. demo: the small "
                "English demonstration voice that comes with the pack."
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
        switch_input("force_reload", False, "Read the model from disk again on every queue."),
        switch_input(
            "memory_optimization",
            True,
            "When ComfyUI wants the memory back, let go of all of it. Off: the model waits in RAM and returns sooner.",
        ),
        switch_input("verbose", True, "Write what was loaded to the console."),
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
    ]


def _collect_stats(handle: ModelHandle, loaded: LoadedModel) -> dict[str, Any]:
    """Figures, all of them JSON: sizes in bytes, times in seconds."""
    parameters = list(loaded.pipeline.modules.parameters())
    return {
        "model_name": handle.name,
        "folder": str(loaded.files.folder),
        "device": str(loaded.device),
        "precisions": sorted({str(parameter.dtype).removeprefix("torch.") for parameter in parameters}),
        "parameters": sum(parameter.numel() for parameter in parameters),
        "memory_bytes": management.module_size(loaded.pipeline.modules),
        "load_seconds": round(loaded.load_seconds, 3),
        "reused": loaded.runs > 1,
        "cached": handle.keep,
        "low_memory": handle.settings.low_memory,
        "attention": handle.settings.attention,
    }


def _format_info(handle: ModelHandle, loaded: LoadedModel, stats: dict[str, Any]) -> str:
    """The figures as words."""
    size = stats["memory_bytes"] / 2**20
    return "\n".join(
        [
            f"{handle.name}: {loaded.load_summary}",
            f"folder: {loaded.files.folder}",
            f"device: {stats['device']}, {' and '.join(stats['precisions'])}",
            f"{stats['parameters'] / 1e6:.1f} million parameters, {size:.0f} MiB",
            "kept between runs" if handle.keep else "unloaded after every run",
            "on the device: " + ("models take turns (low_memory)" if stats["low_memory"] else "all models together"),
            *([f"attention of use_accel: {stats['attention']}"] if stats["attention"] != AUTO else []),
            *([DEMO_NOTE] if loaded.files.folder == DEMO_FOLDER else []),
            "text emotion: available" if loaded.files.qwen else "text emotion: qwen0.6bemo4-merge is not installed",
        ]
    )

"""LRU cache of loaded models: found by their settings, shared by every node, given back when ComfyUI asks."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence

import comfy.model_management as management

from ..indextts.events import OnEvent, ignore_event
from ..indextts.loading.find import CheckpointFiles
from ..indextts.loading.models import load_models
from ..indextts.loading.placement import choose_placement
from ..indextts.options import SpeakOptions
from ..indextts.pipeline import Pipeline
from ..indextts.records import Line
from .offload import ComfyAlternate, ComfyKeepAll
from .settings import ModelHandle, ModelSettings, find_model_files, torch_device, weight_bytes, weights_stamp

log = logging.getLogger(__name__)

MAX_MODELS = 2


class LoadedModel:
    """A loaded model. `runs` counts how often it was requested."""

    def __init__(self, handle: ModelHandle, on_event: OnEvent) -> None:
        """Find the files and read them: to RAM in low-memory mode, else straight to memory that ComfyUI frees."""
        start = time.perf_counter()
        settings = handle.settings
        self.files: CheckpointFiles = find_model_files(settings)
        self.device = torch_device(settings.device)
        if self.device.type != "cpu" and not settings.low_memory:
            management.free_memory(weight_bytes(self.files, choose_placement(settings.options).precision), self.device)
        modules = load_models(self.files, settings.options, on_event)
        self.offload = (ComfyAlternate if settings.low_memory else ComfyKeepAll)(
            modules, self.device, lambda: self.pipeline
        )
        self.pipeline = Pipeline(modules, self.files, settings.options, self.offload)
        self.stamp = weights_stamp(settings)
        self.load_seconds = time.perf_counter() - start
        self.runs = 0
        log.info("IndexTTS2 model %s loaded from %s in %.1f s", handle.name, self.files.folder, self.load_seconds)

    @property
    def load_summary(self) -> str:
        return f"loaded in {self.load_seconds:.1f} s" if self.runs <= 1 else "re-used, already in memory"

    @property
    def weights_dropped(self) -> bool:
        """Whether weights are gone, so that the model has to be loaded again."""
        return any(patcher.weights_dropped for patcher in self.offload.patchers)

    def configure(self, handle: ModelHandle) -> None:
        """Run the same weights as `handle` wants them run."""
        for patcher in self.offload.patchers:
            patcher.keep_in_ram = handle.waits_in_ram
        options = handle.settings.options
        if self.pipeline.options != options:
            self.pipeline.release()
            self.pipeline = Pipeline(self.pipeline.modules, self.files, options, self.offload)

    def enter_device(self, lines: Sequence[Line], options: SpeakOptions) -> None:
        """Have ComfyUI make room for the weights and for what this run needs beside them, then load what left."""
        self.offload.enter_device(self.pipeline.memory_required(lines, options))

    def unload(self) -> None:
        """Leave ComfyUI's list of loaded models and the device; nothing of the weights stays."""
        for patcher in self.offload.patchers:
            patcher.keep_in_ram = False
            patcher.leave_device()


class ModelCache:
    """At most `MAX_MODELS` models, the least recently used leaves first."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._loaded: OrderedDict[ModelSettings, LoadedModel] = OrderedDict()

    def peek(self, handle: ModelHandle) -> LoadedModel | None:
        """The model for `handle` where it is in memory, weights and all, as the files are now; nothing is loaded."""
        loaded = self._loaded.get(handle.settings.weights_key)
        if loaded is None or loaded.weights_dropped or loaded.stamp != weights_stamp(handle.settings):
            return None
        return loaded

    def get(self, handle: ModelHandle, on_event: OnEvent = ignore_event) -> LoadedModel:
        """The model for `handle`, read from disk now if it is not there; `on_event` may raise to cancel that."""
        key = handle.settings.weights_key
        with self._lock:
            if self.peek(handle) is None:
                self.drop(handle)
                self._evict_oldest()
                self._loaded[key] = LoadedModel(handle, on_event)
            self._loaded.move_to_end(key)
            loaded = self._loaded[key]
            loaded.configure(handle)
            loaded.runs += 1
            return loaded

    def drop(self, handle: ModelHandle) -> None:
        """Forget a model and free all it holds."""
        with self._lock:
            loaded = self._loaded.pop(handle.settings.weights_key, None)
        if loaded is not None:
            loaded.unload()

    def _evict_oldest(self) -> None:
        while len(self._loaded) >= MAX_MODELS:
            _, oldest = self._loaded.popitem(last=False)
            oldest.unload()


model_cache = ModelCache()

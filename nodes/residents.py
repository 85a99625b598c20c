"""The models in memory: found by their settings, loaded once, shared by every node, given back when ComfyUI asks."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence

import comfy.model_management as management

from ..indextts.loading.find import CheckpointFiles
from ..indextts.loading.models import load_models
from ..indextts.options import SpeakOptions
from ..indextts.pipeline import Pipeline
from ..indextts.records import Line
from .settings import ModelHandle, ModelSettings, locate, torch_device, weights_bytes
from .turns import InTurns, Together

log = logging.getLogger(__name__)

MAX_RESIDENTS = 2


class Resident:
    """A loaded model. `runs` counts how often it was asked for."""

    def __init__(self, handle: ModelHandle) -> None:
        """Find the files and read them: to RAM in low-memory mode, else straight to the room that ComfyUI clears."""
        start = time.perf_counter()
        settings = handle.settings
        self.files: CheckpointFiles = locate(settings)
        self.device = torch_device(settings.device)
        if self.device.type != "cpu" and not settings.low_memory:
            management.free_memory(weights_bytes(self.files, settings.use_fp16), self.device)
        modules = load_models(self.files, settings.options)
        self.residence = (InTurns if settings.low_memory else Together)(modules, self.device, lambda: self.pipeline)
        self.pipeline = Pipeline(modules, self.files, settings.options, self.residence)
        self.load_seconds = time.perf_counter() - start
        self.runs = 0
        log.info("IndexTTS2 model %s loaded from %s in %.1f s", handle.name, self.files.folder, self.load_seconds)

    @property
    def origin(self) -> str:
        return f"loaded in {self.load_seconds:.1f} s" if self.runs <= 1 else "re-used, already in memory"

    @property
    def hollow(self) -> bool:
        """Whether weights are gone, so that the model has to be loaded again."""
        return any(patcher.hollow for patcher in self.residence.patchers)

    def configure(self, handle: ModelHandle) -> None:
        """Run the same weights as `handle` wants them run."""
        for patcher in self.residence.patchers:
            patcher.keep_in_ram = handle.waits_in_ram
        options = handle.settings.options
        if self.pipeline.options != options:
            self.pipeline.release()
            self.pipeline = Pipeline(self.pipeline.modules, self.files, options, self.residence)

    def enter_device(self, lines: Sequence[Line] = (), options: SpeakOptions | None = None) -> None:
        """Have ComfyUI make room for the weights and for what this run needs beside them, then load what left."""
        self.residence.enter(self.pipeline.memory_required(lines, options) if options else 0)

    def unload(self) -> None:
        """Leave ComfyUI's books and the device; nothing of the weights stays."""
        for patcher in self.residence.patchers:
            patcher.keep_in_ram = False
            patcher.leave()


class Residents:
    """At most `MAX_RESIDENTS` models, the least recently used leaves first."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._loaded: OrderedDict[ModelSettings, Resident] = OrderedDict()

    def get(self, handle: ModelHandle, reload: bool = False) -> Resident:
        """The resident for `handle`, loaded now if it is not there. `reload` reads it from disk again."""
        key = handle.settings.weights
        with self._lock:
            if key in self._loaded and (reload or self._loaded[key].hollow):
                self.drop(handle)
            if key not in self._loaded:
                self._make_room()
                self._loaded[key] = Resident(handle)
            self._loaded.move_to_end(key)
            resident = self._loaded[key]
            resident.configure(handle)
            resident.runs += 1
            return resident

    def drop(self, handle: ModelHandle) -> None:
        """Forget a model and free all it holds."""
        with self._lock:
            resident = self._loaded.pop(handle.settings.weights, None)
        if resident is not None:
            resident.unload()

    def _make_room(self) -> None:
        while len(self._loaded) >= MAX_RESIDENTS:
            _, oldest = self._loaded.popitem(last=False)
            oldest.unload()


residents = Residents()

"""The offload policies as ComfyUI's memory management sees them: all models at once, or two groups in turn."""

from collections.abc import Callable

import comfy.model_management as management
import torch
from torch import nn

from ..indextts.loading.models import Models
from ..indextts.offload import ENCODERS, GENERATORS, KeepAll
from ..indextts.pipeline import Pipeline
from .patcher import RAM, PipelinePatcher


class ComfyKeepAll(KeepAll):
    """All models in one patcher. pipeline: the one that runs them when they have to leave."""

    def __init__(self, modules: Models, device: torch.device, pipeline: Callable[[], Pipeline]) -> None:
        self.patchers = [PipelinePatcher(modules, device, home=device, release=lambda: pipeline().release())]

    def enter_device(self, needed: int) -> None:
        """Have the weights on the device, and room for `needed` bytes beside them."""
        load_patchers(self.patchers, needed)


class ComfyAlternate:
    """Low-memory mode: encoders and generators, each group a patcher of its own.

    A third holds what both need. ComfyUI may take any of them out at any time: every turn asks for all it uses.
    """

    def __init__(self, modules: Models, device: torch.device, pipeline: Callable[[], Pipeline]) -> None:
        def make_patcher(name: str, parts: list[str], release: Callable[[], None]) -> PipelinePatcher:
            held = nn.ModuleDict({part: getattr(modules, part) for part in parts})
            return PipelinePatcher(held, device, home=RAM, release=release, name=f"IndexTTS2 {name}")

        both = [part for part, _ in modules.named_children() if part not in ENCODERS + GENERATORS]
        self._shared = make_patcher("shared models", both, lambda: pipeline().release())
        self._encoders = make_patcher("listening models", [*ENCODERS], modules.text_emotion.unload)
        self._generators = make_patcher("speaking models", [*GENERATORS], lambda: pipeline().release_generators())
        self.patchers = [self._shared, self._encoders, self._generators]
        self._needed = 0

    def enter_device(self, needed: int) -> None:
        """Have what both groups need on the device; the turns of this run ask for `needed` bytes beside the weights."""
        self._needed = needed
        load_patchers([self._shared], needed)

    def load_encoders(self) -> None:
        self._generators.leave_device()
        load_patchers([self._shared, self._encoders], self._needed)

    def load_generators(self) -> None:
        self._encoders.leave_device()
        load_patchers([self._shared, self._generators], self._needed)


def load_patchers(patchers: list[PipelinePatcher], needed: int) -> None:
    """Have ComfyUI make room for the weights and `needed` bytes beside them, then load what is not there."""
    management.load_models_gpu(patchers, memory_required=needed, force_full_load=True)

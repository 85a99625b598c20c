"""What is on the device when, in ComfyUI's books: everything, or in low-memory mode two groups of models in turn."""

from collections.abc import Callable

import comfy.model_management as management
import torch
from torch import nn

from ..indextts.loading.models import Models
from ..indextts.pipeline import Pipeline
from ..indextts.residence import LISTENING, SPEAKING, AllResident
from .patcher import RAM, PipelinePatcher


class Together(AllResident):
    """All models in one patcher. pipeline: the one that runs them when they have to leave."""

    def __init__(self, modules: Models, device: torch.device, pipeline: Callable[[], Pipeline]) -> None:
        self.patchers = [PipelinePatcher(modules, device, home=device, release=lambda: pipeline().release())]

    def enter(self, needed: int) -> None:
        """Have the weights on the device, and room for `needed` bytes beside them."""
        bring(self.patchers, needed)


class InTurns:
    """Low-memory mode: models that listen and models that speak, each group a patcher of its own.

    A third holds what both need. ComfyUI may take any of them out at any time: every turn asks for all it uses.
    """

    def __init__(self, modules: Models, device: torch.device, pipeline: Callable[[], Pipeline]) -> None:
        def group(name: str, parts: list[str], release: Callable[[], None]) -> PipelinePatcher:
            held = nn.ModuleDict({part: getattr(modules, part) for part in parts})
            return PipelinePatcher(held, device, home=RAM, release=release, name=f"IndexTTS2 {name}")

        both = [part for part, _ in modules.named_children() if part not in LISTENING + SPEAKING]
        self._staying = group("shared models", both, lambda: pipeline().release())
        self._listening = group("listening models", [*LISTENING], modules.text_emotion.unload)
        self._speaking = group("speaking models", [*SPEAKING], lambda: pipeline().stop_speaking())
        self.patchers = [self._staying, self._listening, self._speaking]
        self._needed = 0

    def enter(self, needed: int) -> None:
        """Have what both groups need on the device; the turns of this run ask for `needed` bytes beside the weights."""
        self._needed = needed
        bring([self._staying], needed)

    def listen(self) -> None:
        self._speaking.leave()
        bring([self._staying, self._listening], self._needed)

    def speak(self) -> None:
        self._listening.leave()
        bring([self._staying, self._speaking], self._needed)


def bring(patchers: list[PipelinePatcher], needed: int) -> None:
    """Have ComfyUI make room for the weights and `needed` bytes beside them, then load what is not there."""
    management.load_models_gpu(patchers, memory_required=needed, force_full_load=True)

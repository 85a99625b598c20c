"""The ModelPatcher that ComfyUI's memory management moves the models with: onto the device and off it, as a whole."""

import logging
from collections.abc import Callable
from typing import Any

import comfy.model_management as management
import comfy.model_patcher
import torch
from torch import nn

from ..indextts.host_memory import return_free_memory
from .take_cache import take_cache

log = logging.getLogger(__name__)

EVERYTHING = 1e32
RAM, META = torch.device("cpu"), torch.device("meta")


class IndexTTS2(nn.Module):
    """Holds the models, so that what ComfyUI notes on a module (`device` and others) stays off them."""

    def __init__(self, models: nn.Module) -> None:
        super().__init__()
        self.models = models


class PipelinePatcher(comfy.model_patcher.ModelPatcher):
    """All or nothing: plain modules, CUDA graphs and KV cache pages cannot run half offloaded.

    `home`: where the weights were read to. `release` drops whatever was derived from them; it is called before they
    move. `keep_in_ram`: an unloaded model waits in RAM; otherwise its weights are dropped, never copied, and the model
    has no weights.
    """

    def __init__(
        self,
        models: nn.Module,
        load_device: torch.device,
        home: torch.device,
        release: Callable[[], None],
        name: str = "IndexTTS2",
    ) -> None:
        self.release, self.name = release, name
        self.keep_in_ram = True
        super().__init__(IndexTTS2(models), load_device=load_device, offload_device=RAM)
        self.model.device = home

    @property
    def weights_dropped(self) -> bool:
        """Whether the weights are gone; such a model is loaded anew, not moved back."""
        return bool(self.model.device == META)

    def partially_load(self, device_to: Any, extra_memory: float = 0, force_patch_weights: bool = False) -> int:
        """Move all weights to `device_to`, whatever share was offered."""
        if self.model.device != device_to:
            self.release()
        with torch.inference_mode(False), torch.no_grad():
            return int(super().partially_load(device_to, EVERYTHING, force_patch_weights))

    def partially_unload(self, device_to: Any, memory_to_free: int = 0, force_patch_weights: bool = False) -> int:
        """Free nothing by halves; ComfyUI then unloads the whole model."""
        return 0

    def detach(self, unpatch_all: bool = True) -> Any:
        """Leave the device. Runs inside ComfyUI's loop over loaded models, so the objects must outlive it.

        Without `unpatch_all`, ComfyUI only renews its entry for a model that stays.
        """
        if unpatch_all:
            self.release()
            self.offload_device = self._offload_target
        with torch.inference_mode(False), torch.no_grad():
            model = super().detach(unpatch_all)
        if unpatch_all:
            take_cache.drop_stored()
            return_free_memory()
            where = "its memory is free" if self.weights_dropped else "its weights wait in RAM"
            log.info("%s unloaded, %s", self.name, where)
        return model

    def leave_device(self) -> None:
        """Leave ComfyUI's list of loaded models and the device, unasked."""
        self.release()
        for loaded in [entry for entry in management.current_loaded_models if entry.model is self]:
            management.current_loaded_models.remove(loaded)
            loaded.model_unload()
        if self.model.device != self._offload_target:
            self.detach()
        management.soft_empty_cache()

    @property
    def _offload_target(self) -> torch.device:
        return RAM if self.keep_in_ram else META

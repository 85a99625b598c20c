"""CPU offload: which models are on the device when.

All of them, or in low-memory mode the encoders of reference audio and the generators in turn. What both need (codec,
emotion rows, S2Mel: a fifth of it all) always stays.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import nn

Group = tuple[str, ...]

ENCODERS: Group = ("semantic", "voice_encoder", "campplus")
"""Parts of `Models` that encode reference audio; a voice from the cache needs none of them."""

GENERATORS: Group = ("gpt", "vocoder")
"""Parts of `Models` that text becomes codes and mel becomes sound with."""


GROUPS = ENCODERS, GENERATORS


class OffloadPolicy(Protocol):
    """Asked by the pipeline before it uses either group; may do nothing."""

    def load_encoders(self) -> None:
        """Have the encoders on the device when this returns."""
        ...

    def load_generators(self) -> None:
        """Have the generators on the device when this returns."""
        ...


class KeepAll:
    """Everything is where it was loaded, or where its owner has moved it."""

    def load_encoders(self) -> None:
        """Nothing to do."""

    def load_generators(self) -> None:
        """Nothing to do."""


class Alternate:
    """Low-memory mode: one group is on the device while the other waits in RAM.

    release: called before the generators move, to drop whatever holds their addresses.
    """

    def __init__(self, modules: nn.Module, device: torch.device, release: Callable[[], None]) -> None:
        self._groups: dict[Group, list[nn.Module]] = {
            group: [getattr(modules, name) for name in group] for group in GROUPS
        }
        self._device, self._release = device, release
        for name, module in modules.named_children():
            if name not in ENCODERS + GENERATORS:
                move_weights(module, device)

    def load_encoders(self) -> None:
        self._swap_groups(ENCODERS, GENERATORS)

    def load_generators(self) -> None:
        self._swap_groups(GENERATORS, ENCODERS)

    def _swap_groups(self, wanted: Group, other: Group) -> None:
        if self._is_here(wanted) and (self._device.type == "cpu" or not self._is_here(other)):
            return
        if other == GENERATORS:
            self._release()
        for module in self._groups[other]:
            move_weights(module, torch.device("cpu"))
        for module in self._groups[wanted]:
            move_weights(module, self._device)

    def _is_here(self, group: Group) -> bool:
        return all(next(module.parameters()).device.type == self._device.type for module in self._groups[group])


def count_resident_bytes(models: nn.Module, low_memory: bool) -> int:
    """Bytes of weights that are on the device at once, at most: in low-memory mode not those of the smaller group."""
    waiting = [sum(p.nbytes for name in group for p in getattr(models, name).parameters()) for group in GROUPS]
    return sum(parameter.nbytes for parameter in models.parameters()) - (min(waiting) if low_memory else 0)


def count_bytes_on(device: torch.device, models: nn.Module) -> int:
    """Bytes of weights that are on a device of that type now."""
    return sum(parameter.nbytes for parameter in models.parameters() if parameter.device.type == device.type)


def move_weights(module: nn.Module, device: torch.device) -> None:
    """Move weights so that they can move again, also where the caller runs under inference mode."""
    with torch.inference_mode(False), torch.no_grad():
        module.to(device)

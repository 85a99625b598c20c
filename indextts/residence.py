"""Which models are on the device when: all of them, or in low-memory mode those that listen and those that speak in
turn. What both need (codec, emotion rows, S2Mel: a fifth of it all) always stays.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import nn

Group = tuple[str, ...]

LISTENING: Group = ("semantic", "voice_encoder", "campplus")
"""Parts of `Models` that only a voice that was not heard before needs."""

SPEAKING: Group = ("gpt", "vocoder")


class Residence(Protocol):
    """Asked by the pipeline before it uses either group; may do nothing."""

    def listen(self) -> None:
        """Have the models that listen on the device when this returns."""
        ...

    def speak(self) -> None:
        """Have the models that speak on the device when this returns."""
        ...


class AllResident:
    """Everything is where it was loaded, or where its owner has moved it."""

    def listen(self) -> None:
        """Nothing to do."""

    def speak(self) -> None:
        """Nothing to do."""


class TakingTurns:
    """Low-memory mode: one group is on the device while the other waits in RAM.

    leave: called before the speaking models move, to drop whatever holds their addresses.
    """

    def __init__(self, modules: nn.Module, device: torch.device, leave: Callable[[], None]) -> None:
        self._groups: dict[Group, list[nn.Module]] = {
            group: [getattr(modules, name) for name in group] for group in (LISTENING, SPEAKING)
        }
        self._device, self._leave = device, leave
        for name, module in modules.named_children():
            if name not in LISTENING + SPEAKING:
                move(module, device)

    def listen(self) -> None:
        self._swap(LISTENING, SPEAKING)

    def speak(self) -> None:
        self._swap(SPEAKING, LISTENING)

    def _swap(self, wanted: Group, other: Group) -> None:
        if all(_is_on(module, self._device) for module in self._groups[wanted]):
            return
        if other == SPEAKING:
            self._leave()
        for module in self._groups[other]:
            move(module, torch.device("cpu"))
        for module in self._groups[wanted]:
            move(module, self._device)


def move(module: nn.Module, device: torch.device) -> None:
    """Move weights so that they can move again, also where the caller runs under inference mode."""
    with torch.inference_mode(False), torch.no_grad():
        module.to(device)


def _is_on(module: nn.Module, device: torch.device) -> bool:
    return next(module.parameters()).device.type == device.type

"""What a run will launch, so that its kernels are made ready side by side while text and voices are read."""

from collections.abc import Callable

import torch

from ..accel.engine import Engine
from ..accel.request import Decoder
from ..accel.state import round_up_lanes
from ..runtime.kernel_preparation import KernelPreparation, can_prepare_kernels
from .events import KERNELS, Event, OnEvent
from .loading.models import Models
from .rendering import Renderer

FLOW_FRAMES = 128


class KernelRehearsal:
    """Of one pipeline. get_decoder: the one that runs, made where there is none yet."""

    def __init__(self, modules: Models, renderer: Renderer, get_decoder: Callable[[], Decoder]) -> None:
        self._modules, self._renderer, self._get_decoder = modules, renderer, get_decoder
        self._preparation: KernelPreparation | None = None
        self._prepared: set[tuple[int, int]] = set()

    def begin(self, lines: int, beams: int) -> None:
        """Begin to prepare what decoding so many lines, and their sound, will launch; nothing where it is prepared
        already, or no kernels run. The generators must be on the device."""
        device, run = self._modules.gpt.mel_head.weight.device, (round_up_lanes(lines), beams)
        if not lines or run in self._prepared or device.type != "cuda" or not can_prepare_kernels():
            return
        self.finish()
        self._prepared.add(run)
        self._preparation = KernelPreparation(lambda: self._rehearse(lines, beams), device)

    def finish(self, on_event: OnEvent = lambda event: None) -> None:
        """Wait for what has begun, telling how far it is."""
        preparation, self._preparation = self._preparation, None
        if preparation is not None:
            name = torch.cuda.get_device_name(self._modules.device)
            preparation.finish(lambda done, total: on_event(Event(KERNELS, done, total, detail=name)))

    def _rehearse(self, lines: int, beams: int) -> None:
        decoder = self._get_decoder()
        if isinstance(decoder, Engine):
            decoder.rehearse(lines, beams)
        for step in (self._modules.s2mel.tuned_step(FLOW_FRAMES), self._renderer.vocoder_step):
            if step is not None:
                step.run_small()

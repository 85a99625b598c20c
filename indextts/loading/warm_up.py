"""What a process pays once, paid beside the reading of weights: libraries that load at their first use.

Each piece of it runs in a thread of its own; nothing waits for one, and one that fails leaves its price to who comes.
"""

import logging
import threading
from collections.abc import Callable

import torch

from ...runtime.current_device import make_current
from ...runtime.device_capability import why_no_triton
from ...runtime.split_matmul import sums_halves_in_float32
from ..conditioning.features import SEMANTIC_SAMPLE_RATE, KaldiFilterBank
from ..conditioning.reference_encoder_graphs import ReferenceEncoderGraphs
from ..conditioning.reference_encoders import ReferenceEncoders

log = logging.getLogger(__name__)

NOISE_SECONDS = 3


def warm_up_device(device: torch.device) -> None:
    """Triton and the matrix libraries of a CUDA device."""
    if device.type == "cuda":
        _run_aside("asking for Triton", device, lambda: why_no_triton(device))
        _run_aside("multiplying matrices", device, lambda: sums_halves_in_float32(device))


def warm_up_encoders(models: ReferenceEncoders) -> None:
    """All that hearing a voice loads, where the models are on a CUDA device: they hear some noise."""
    device = next(models.voice.parameters()).device
    if device.type == "cuda":
        _run_aside("hearing noise", device, lambda: _hear_noise(models, device))


def _hear_noise(models: ReferenceEncoders, device: torch.device) -> None:
    noise = torch.randn(NOISE_SECONDS * SEMANTIC_SAMPLE_RATE, generator=torch.Generator().manual_seed(0)) / 10
    energies = KaldiFilterBank(models.semantic.bands).to(device)(noise.to(device))
    ReferenceEncoderGraphs(models)(energies, graphs=False)


def _run_aside(name: str, device: torch.device, work: Callable[[], object]) -> None:
    @torch.inference_mode()
    def run() -> None:
        try:
            with make_current(device):  # each thread has one of its own
                work()
        except Exception as error:
            log.info("%s ahead of time failed: %s", name, error)

    threading.Thread(target=run, name=f"warm up: {name}").start()

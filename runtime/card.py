"""What a GPU is to those who choose shapes for it."""

import functools
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Card:
    """capability: compute capability. multiprocessors: how many it has. smem_bytes: shared memory that one program may
    have. bandwidth: of its memory, bytes a second, as its clock and its bus say."""

    name: str
    capability: tuple[int, int]
    multiprocessors: int
    smem_bytes: int
    bandwidth: float


INTERPRETED = Card("Triton's interpreter", (0, 0), 132, 2**30, 4.8e12)
"""Where kernels are interpreted: as wide as an H200, with none of the instructions that a card may lack."""


@functools.cache
def card_of(device: torch.device) -> Card:
    """The card behind a CUDA device; elsewhere that of the interpreter. Where CUDA is emulated, by ROCm, capabilities
    are counted otherwise: (0, 0)."""
    if device.type != "cuda":
        return INTERPRETED
    from triton.runtime import driver

    index = torch.cuda.current_device() if device.index is None else device.index
    known = driver.active.utils.get_device_properties(index)
    capability = torch.cuda.get_device_capability(device) if torch.version.cuda is not None else (0, 0)
    # Two words a clock, the bus in bits, the clock in kHz.
    bandwidth = 2e3 * known.get("mem_clock_rate", 0) * known.get("mem_bus_width", 0) / 8
    name, processors = torch.cuda.get_device_name(device), known["multiprocessor_count"]
    return Card(name, capability, processors, known["max_shared_mem"], bandwidth)


def pipeline_buffers(stages: int, card: Card) -> int:
    """Tiles that a software pipeline of so many stages has in shared memory: but for Hopper's tensor cores, which read
    it there, the tile in use is in registers, and before Ampere nothing is loaded ahead."""
    if card.capability[0] == 9:
        return stages
    return max(1, stages - 1) if card.capability >= (8, 0) else 1

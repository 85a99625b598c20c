"""Free memory of a device, as its driver and PyTorch's allocator tell it, and what running out of it looks like."""

from collections.abc import Callable
from contextlib import suppress

import torch

REFUSALS = ("out of memory", "ALLOC_FAILED", "ALLOCATION_FAILED", "STATUS_NOT_INITIALIZED")
"""What errors say of libraries that have no exception of their own for it: drivers, Triton, cuBLAS and cuDNN, which
without memory cannot even begin."""


class DeviceMemory:
    """Of a CUDA device. Others have no limit here: a CPU's system and MPS page, and refuse nothing in time.

    device: asked each time, for what uses it may move.
    """

    def __init__(self, device: Callable[[], torch.device]) -> None:
        self._get_device = device

    @property
    def device(self) -> torch.device:
        return self._get_device()

    @property
    def free_bytes(self) -> int | None:
        """What the driver has left and what lies idle in the allocator; None where there is no limit."""
        if self.device.type != "cuda":
            return None
        idle = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
        return torch.cuda.mem_get_info(self.device)[0] + idle

    @property
    def total_bytes(self) -> int | None:
        """Of the whole device; None where there is no limit."""
        return torch.cuda.mem_get_info(self.device)[1] if self.device.type == "cuda" else None

    def gather(self, size: int) -> None:
        """Have `size` bytes lie idle in one piece, see `gather_memory`."""
        gather_memory(self.device, size)

    def give_back(self) -> None:
        """Return idle blocks to the driver: whole ones again for whoever asks next, also beside PyTorch."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def gather_memory(device: torch.device, size: int) -> None:
    """Have `size` idle bytes in one piece, where the device has them: an arena, which the tensors that follow are cut
    from and become again. From pieces of their own sizes the allocator would reserve up to 1.7 times what they take.
    The driver's own (cudaMallocAsync) has no pieces."""
    if device.type == "cuda" and size and torch.cuda.get_allocator_backend() == "native":
        with suppress(torch.OutOfMemoryError):
            torch.empty(size, dtype=torch.uint8, device=device)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device refused memory, whoever asked it."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(refusal in str(error) for refusal in REFUSALS)


def forget_frames(error: BaseException) -> None:
    """Let go of the tensors that the frames behind an error, and behind those it came from, still hold."""
    seen: BaseException | None = error
    while seen is not None:
        seen.__traceback__ = None
        seen = seen.__cause__ or seen.__context__

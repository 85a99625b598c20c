"""What a stage allocates, traced on the meta device at full size, and what PyTorch's CUDA allocator reserves for it.

Kernels launch nothing there. The model of the allocator is the default one's: sizes in steps of 512 bytes, segments of
2 MiB for what is up to 1 MiB, of 20 MiB or the size itself for the rest; the smallest free block that fits is taken and
its rest split off, free neighbors join. On an H200 it told peaks to 1 %.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

MIB = 2**20
Block = tuple[int, int, int]
"""Segment, first byte, bytes."""
Event = tuple[int, int]
"""A tensor's number and its bytes; 0 bytes where it is freed."""


class AllocationTrace(TorchDispatchMode):
    """events: every storage that comes and goes. known: tensors that are there before and stay."""

    def __init__(self, known: Iterable[torch.Tensor]) -> None:
        super().__init__()
        self.events: list[Event] = []
        self._known = list(known)
        self._seen = {tensor.untyped_storage()._cdata for tensor in self._known}
        self._live: dict[int, tuple[StorageWeakRef, int]] = {}
        self._count = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._note_freed()
        out = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor) and tensor.device.type == "meta":
                self._note_new(tensor.untyped_storage())
        return out

    def _note_new(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if storage.nbytes() and key not in self._seen and key not in self._live:
            self._count += 1
            self._live[key] = StorageWeakRef(storage), self._count
            self.events.append((self._count, storage.nbytes()))

    def _note_freed(self) -> None:
        for key, (storage, number) in list(self._live.items()):
            if storage.expired():
                self.events.append((number, 0))
                del self._live[key]


@dataclass
class Allocator:
    """Of one stream. peaks: most bytes allocated and reserved."""

    allocated: int = 0
    reserved: int = 0
    peaks: tuple[int, int] = (0, 0)
    _free: dict[bool, set[Block]] = field(default_factory=lambda: {True: set(), False: set()})
    _taken: dict[int, tuple[bool, Block]] = field(default_factory=dict)
    _segments: int = 0

    def allocate(self, number: int, wanted: int) -> None:
        size = -(-wanted // 512) * 512
        small = size <= MIB
        fitting = [block for block in self._free[small] if block[2] >= size]
        if fitting:
            block = min(fitting, key=lambda block: (block[2], block))
            self._free[small].remove(block)
        else:
            total = 2 * MIB if small else max(20 * MIB, size) if size < 10 * MIB else -(-size // (2 * MIB)) * 2 * MIB
            self._segments += 1
            self.reserved += total
            block = self._segments, 0, total
        segment, start, total = block
        if total - size >= (512 if small else MIB + 1):
            self._free[small].add((segment, start + size, total - size))
            total = size
        self._taken[number] = small, (segment, start, total)
        self.allocated += total
        self.peaks = max(self.peaks[0], self.allocated), max(self.peaks[1], self.reserved)

    def release(self, number: int) -> None:
        small, (segment, start, size) = self._taken.pop(number)
        self.allocated -= size
        free = self._free[small]
        for other in [b for b in free if b[0] == segment and (b[1] + b[2] == start or start + size == b[1])]:
            free.remove(other)
            start, size = min(start, other[1]), size + other[2]
        free.add((segment, start, size))


def reserve(events: Iterable[Event], arena: int = 0) -> tuple[int, int]:
    """Most bytes allocated and reserved for `events`. arena: of a block taken and freed before."""
    allocator = Allocator()
    if arena:
        allocator.allocate(0, arena)
        allocator.release(0)
        allocator.peaks = 0, allocator.reserved
    for number, size in events:
        if size:
            allocator.allocate(number, size)
        else:
            allocator.release(number)
    return allocator.peaks


@torch.inference_mode()
def trace_allocations(
    work: Callable[[], object], known: Iterable[torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> list[Event]:
    """Of `work` on the meta device, its kernels skipped."""
    from triton.runtime.jit import JITFunction, KernelInterface

    for kind in (KernelInterface, JITFunction):
        monkeypatch.setattr(kind, "__getitem__", lambda self, grid: lambda *arguments, **named: None, raising=False)
    with AllocationTrace(known) as trace:
        kept = work()
    del kept
    return trace.events

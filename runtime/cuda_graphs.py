"""CUDA graphs: work of the device captured once and replayed, one launch instead of hundreds.

Whoever captures does it here: one capture at a time, on one stream per device. For every stream that multiplies
matrices cuBLAS takes 32 MiB and keeps them, and a device may capture for one thread only.

PyTorch's two allocators differ here. Its own maps a pool's memory at the capture. The stream-ordered one of CUDA
(`cudaMallocAsync`, ComfyUI's default) maps it when the graph is launched: Triton refuses pointers to it before, and
whoever frees it before aborts the process. There only work is captured that allocates nothing.
"""

import ctypes
import logging
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import cache
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from .device_memory import gather_memory

log = logging.getLogger(__name__)

Outputs = TypeVar("Outputs")
Key = TypeVar("Key", bound=Hashable)
Graph = TypeVar("Graph")

_CAPTURE_LOCK = threading.Lock()


@cache
def is_stream_ordered() -> bool:
    """Whether PyTorch allocates with `cudaMallocAsync`."""
    return torch.cuda.is_available() and torch.cuda.get_allocator_backend() == "cudaMallocAsync"


def trim_graph_memory() -> None:
    """Give back what the stream-ordered allocator keeps for graphs that are gone; PyTorch does not do it."""
    if is_stream_ordered():
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        driver.cuDeviceGraphMemTrim(torch.cuda.current_device())


@cache
def _capture_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)


class GraphPool:
    """Memory that captured graphs share, as long as this object lives; nothing else can use it.

    PyTorch gives a pool up with its last graph and captures nothing into it any more, so a graph of one small tensor
    keeps it. arena_bytes: what the next graph takes of it, see `capture_graph`.
    """

    def __init__(self) -> None:
        self.arena_bytes = 0
        self._handle: Any = None
        self._anchor: torch.cuda.CUDAGraph | None = None

    def hold(self, device: torch.device) -> Any:
        """PyTorch's handle of the pool. Only for the one that captures: it may capture the anchor now."""
        if self._anchor is None:
            self._handle, anchor = torch.cuda.graph_pool_handle(), torch.cuda.CUDAGraph()
            anchor.capture_begin(pool=self._handle, capture_error_mode="thread_local")
            try:
                torch.zeros(1, device=device)
            finally:
                anchor.capture_end()
            self._anchor = anchor
        return self._handle


def capture_graph(
    function: Callable[[], Outputs], device: torch.device, pool: GraphPool, arena_bytes: int = 0
) -> tuple[torch.cuda.CUDAGraph, Outputs]:
    """Record `function` without running it. Returns the graph and what `function` returned, which a replay writes.

    It has run once before, which compiled its kernels. All that it reads must stay where it is. Graphs of one `pool`
    share memory: a replay may overwrite what another one left. arena_bytes: what it takes of the pool, its gaps
    counted, see `gather_memory`. Nothing but this thread is disturbed.
    """
    graph = torch.cuda.CUDAGraph()
    current = torch.cuda.current_stream(device)
    stream = _capture_stream(current.device)
    with _CAPTURE_LOCK, torch.cuda.stream(stream):
        stream.wait_stream(current)
        _take_workspace(device)
        graph.capture_begin(pool=pool.hold(device), capture_error_mode="thread_local")
        try:
            gather_memory(device, arena_bytes)
            outputs = function()
        except BaseException as error:
            if is_stream_ordered():
                _keep_for_good(error)
            raise
        finally:
            graph.capture_end()
    current.wait_stream(stream)
    return graph, outputs


def _take_workspace(device: torch.device) -> None:
    """Have cuBLAS take this thread's workspace of the current stream now: taken in a capture it would be the graph's,
    and others use it as well."""
    x = torch.zeros(16, 16, device=device)
    torch.mm(x, x)


def _keep_for_good(error: BaseException) -> None:
    """Never free what the frames behind an error hold: no graph will map it, and at exit it would abort as well."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(error.__traceback__))


class CapturedGraph(Generic[Outputs]):
    """`function`, run as it is the first time, captured the second, and replayed from then on.

    What is needed once costs no capture, and the first run compiles its kernels where memory is everybody's.
    """

    def __init__(self, function: Callable[[], Outputs], device: torch.device, pool: GraphPool) -> None:
        self._function, self._device, self._pool = function, device, pool
        self._arena_bytes, self._ran = pool.arena_bytes, False
        self._captured: tuple[torch.cuda.CUDAGraph, Outputs] | None = None

    def replay(self) -> Outputs:
        """What `function` returns, written anew; valid until the next replay in the same pool."""
        if is_stream_ordered():
            return self._function()
        if not self._ran:
            gather_memory(self._device, self._arena_bytes)
            outputs = self._function()
            self._ran = True
            return outputs
        if self._captured is None:
            torch.cuda.empty_cache()  # what its first run took and left idle, which no graph can have
            self._captured = capture_graph(self._function, self._device, self._pool, self._arena_bytes)
        graph, outputs = self._captured
        graph.replay()
        return outputs


class CaptureOnSecondRun:
    """Work whose first run is eager, which compiles its kernels, whose second is captured, and all later ones replayed.

    For work that changes what it reads, so that it cannot be run once more only to warm up. name: for the warning where
    it cannot be captured; then its kernels are launched one by one. allocates: whether it takes memory.
    """

    def __init__(
        self, work: Callable[[], None], name: str, device: torch.device, pool: GraphPool, allocates: bool = False
    ) -> None:
        self._work, self._name, self._device, self._pool = work, name, device, pool
        self._allocates = allocates
        self._ran = False
        self._replay: Callable[[], None] | None = None

    def __call__(self) -> None:
        if not self._ran:
            self._work()
            self._ran = True
            return
        if self._replay is None:
            self._replay = self._capture_or_warn()
        self._replay()

    def _capture_or_warn(self) -> Callable[[], None]:
        if self._allocates and is_stream_ordered():
            return self._work
        try:
            return capture_graph(self._work, self._device, self._pool)[0].replay
        except (RuntimeError, ValueError) as error:
            log.warning("%s cannot be captured (%s); its kernels are launched one by one", self._name, error)
            return self._work


def weights_address_key(module: nn.Module) -> int:
    """A number that changes when a weight is moved, replaced or converted: captured graphs read the old one then."""
    tables = [part._parameters for part in module.modules()]
    return hash(tuple(p.data_ptr() for table in tables for p in table.values() if p is not None))


class GraphCache(Generic[Key, Graph]):
    """LRU cache of captured graphs by size, all in one memory pool; dropped as soon as a weight of `modules` moves.

    name: of the work, for the log. capacity: how many are kept, the last used ones; None keeps all. bytes_of: what a
    key's graph takes. A graph larger than all before drops them: it finds no room in what they left free, but they do
    in its own, so that a pool is never much larger than its largest graph.
    """

    def __init__(
        self,
        name: str,
        capacity: int | None = None,
        modules: Iterable[nn.Module] = (),
        bytes_of: Callable[[Key], int] | None = None,
    ) -> None:
        self._name, self._capacity, self._modules, self._bytes_of = name, capacity, tuple(modules), bytes_of
        self._graphs: OrderedDict[Key, Graph] = OrderedDict()
        self._addresses: tuple[int, ...] = ()
        self._pool: GraphPool | None = None

    def get(self, key: Key, make: Callable[[GraphPool], Graph]) -> Graph:
        """What is kept for `key`; `make` captures it in the pool it is given where there is nothing yet."""
        addresses = tuple(map(weights_address_key, self._modules))
        if addresses != self._addresses:
            self.clear()
            self._addresses = addresses
        if key not in self._graphs and self._is_largest(key):
            self.clear()
        if self._pool is None:
            self._pool = GraphPool()
        if key not in self._graphs:
            log.debug("a new graph of %s for %s", self._name, key)
            self._pool.arena_bytes = 0 if self._bytes_of is None else self._bytes_of(key)
            self._graphs[key] = make(self._pool)
            if self._capacity is not None and len(self._graphs) > self._capacity:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(key)
        return self._graphs[key]

    def _is_largest(self, key: Key) -> bool:
        bytes_of = self._bytes_of
        return bytes_of is not None and bytes_of(key) > max(map(bytes_of, self._graphs), default=bytes_of(key))

    def drop(self, key: Key) -> None:
        """Forget one graph; its memory goes back to the pool."""
        del self._graphs[key]

    def clear(self) -> None:
        """Forget all graphs and the memory they share; they are captured anew when they are needed."""
        self._graphs.clear()
        self._pool = None
        trim_graph_memory()

    def __iter__(self) -> Iterator[Key]:
        return iter(self._graphs)

    def __len__(self) -> int:
        return len(self._graphs)

    def __contains__(self, key: object) -> bool:
        return key in self._graphs

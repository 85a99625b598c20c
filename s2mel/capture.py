"""CUDA graphs of whole functions, and knowing when one has become stale."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from functools import cache
from typing import Any, TypeVar

import torch
from torch import nn

T = TypeVar("T")
Size = TypeVar("Size", bound=Hashable)
Kept = TypeVar("Kept")

_ONE_AT_A_TIME = threading.Lock()


@cache
def _capture_stream(device: torch.device) -> torch.cuda.Stream:
    """The same for all captures: for every stream that multiplies matrices cuBLAS takes 32 MiB, and keeps them."""
    return torch.cuda.Stream(device)


def capture(function: Callable[[], T], device: torch.device, pool: Any) -> tuple[Any, T]:
    """Run `function` once, then record it. Returns the graph and what `function` returned, which a replay writes.

    All that `function` reads must stay where it is. Graphs of one `pool` share memory: a replay may overwrite what
    another one left. Nothing but the current thread is disturbed.
    """
    graph = torch.cuda.CUDAGraph()
    stream, current = _capture_stream(device), torch.cuda.current_stream(device)
    with _ONE_AT_A_TIME, torch.cuda.stream(stream):
        stream.wait_stream(current)
        function()
        graph.capture_begin(pool=pool, capture_error_mode="thread_local")
        try:
            out = function()
        finally:
            graph.capture_end()
    current.wait_stream(stream)
    return graph, out


def whereabouts(module: nn.Module) -> int:
    """A number that changes when a weight is moved, replaced or converted: captured graphs read the old one then."""
    tables = [part._parameters for part in module.modules()]
    return hash(tuple(p.data_ptr() for table in tables for p in table.values() if p is not None))


class KeptGraphs(OrderedDict[Size, Kept]):
    """What was captured of `modules`, by size, sharing one pool; dropped as soon as one of their weights is elsewhere.

    most: how many are kept, the last used ones; None keeps all.
    """

    def __init__(self, modules: Iterable[nn.Module], most: int | None = None) -> None:
        super().__init__()
        self._modules, self._most = tuple(modules), most
        self._places: tuple[int, ...] = ()
        self._pool: Any = None

    def find(self, size: Size, make: Callable[[Any], Kept]) -> Kept:
        """What is kept for `size`; `make` captures it in the pool it is given where there is nothing yet."""
        places = tuple(map(whereabouts, self._modules))
        if places != self._places:
            self.release()
            self._places = places
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        if size not in self:
            self[size] = make(self._pool)
            if self._most is not None and len(self) > self._most:
                self.popitem(last=False)
        self.move_to_end(size)
        return self[size]

    def release(self) -> None:
        """Drop all of it and the memory it shares; it comes back when it is looked for."""
        self.clear()
        self._pool = None

"""CUDA graphs of whole functions, and knowing when one has become stale."""

import threading
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import torch
from torch import nn

T = TypeVar("T")

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

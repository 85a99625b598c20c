"""Work of the device recorded once and replayed: one launch instead of hundreds."""

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

import torch

logger = logging.getLogger(__name__)


class Captured:
    """Work that runs as it is the first time, which compiles its kernels, and as a graph from then on.

    All it reads and writes stays where it is. name: for the message where it cannot be captured.
    """

    def __init__(self, work: Callable[[], None], name: str, pool: Any, device: torch.device) -> None:
        self._work, self._name, self._pool, self._device = work, name, pool, device
        self._ran = False
        self._replay: Callable[[], None] | None = None

    def __call__(self) -> None:
        if not self._ran:
            self._work()
            self._ran = True
            return
        if self._replay is None:
            self._replay = self._captured()
        self._replay()

    def _captured(self) -> Callable[[], None]:
        try:
            return capture(self._work, self._pool, self._device).replay
        except RuntimeError as error:
            logger.warning("%s cannot be captured (%s); its kernels are launched one by one", self._name, error)
            return self._work


def capture(work: Callable[[], None], pool: Any, device: torch.device) -> torch.cuda.CUDAGraph:
    """Record `work` without running it; nothing but the current thread is disturbed."""
    graph = torch.cuda.CUDAGraph()
    stream, current = _stream(device), torch.cuda.current_stream(device)
    stream.wait_stream(current)
    with torch.cuda.stream(stream):
        graph.capture_begin(pool=pool, capture_error_mode="thread_local")
        try:
            work()
        finally:
            graph.capture_end()
    current.wait_stream(stream)
    return graph


@cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """The same for all captures: for every stream that multiplies matrices cuBLAS takes 32 MiB, and keeps them."""
    return torch.cuda.Stream(device)

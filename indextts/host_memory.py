"""Host memory: what is free goes back to the system, which the C allocator of Linux keeps for itself otherwise."""

import ctypes
import sys
from collections.abc import Callable
from functools import cache


def return_free_memory() -> None:
    """Give free heap pages back; where the C library has no call for it, nothing."""
    _find_trim()()


@cache
def _find_trim() -> Callable[[], object]:
    """glibc's malloc_trim, which other C libraries do not have."""
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        return lambda: library.malloc_trim(0)
    return lambda: None

"""Context managers that add to an error on its way to the user: which line it was, or what to lower."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..accel.cache.page_allocator import OutOfCacheMemory
from ..runtime.device_memory import forget_frames, is_out_of_memory
from .errors import IndexTTSError, OutOfMemory
from .records import Line


@contextmanager
def translate_out_of_memory(device: torch.device) -> Iterator[None]:
    """Say what to lower where the device's memory does not suffice, whoever asked it."""
    try:
        yield
    except RuntimeError as error:
        if not says_memory_is_out(error):
            raise
        raise OutOfMemory(
            f"{device} has too little memory for this run ({error}); speak fewer or shorter lines at once, lower "
            "num_beams, turn use_fp16 or the low-memory mode on, or close what else uses the device"
        ) from error


def says_memory_is_out(error: RuntimeError) -> bool:
    """Whether the device, or the cache that the decoder was given, has no more."""
    return is_out_of_memory(error) or isinstance(error, OutOfCacheMemory)


def out_of_memory_only(error: RuntimeError) -> RuntimeError:
    """The error without what its frames hold, where it says that memory is out; any other is raised."""
    if not says_memory_is_out(error):
        raise error
    forget_frames(error)
    return error


@contextmanager
def with_line_context(line: Line) -> Iterator[None]:
    """Put the line's place and speaker in front of what a user's error says."""
    try:
        yield
    except IndexTTSError as error:
        raise type(error)(f"line {line.source_line} ({line.speaker}): {error}") from error

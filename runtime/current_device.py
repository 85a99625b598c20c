"""The CUDA device that is current: Triton and captures launch there, wherever the tensors are."""

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import TypeVar

import torch

Item = TypeVar("Item")


def make_current(device: torch.device) -> AbstractContextManager[object]:
    """While this is entered `device` is the current one; nothing where it is no CUDA device."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def iterate_on_device(device: torch.device, items: Generator[Item, None, None]) -> Iterator[Item]:
    """`items`, each made, and the generator closed, while `device` is current; between them whatever was current is."""
    try:
        while True:
            with make_current(device):
                found = list(islice(items, 1))
            if not found:
                return
            yield found[0]
    finally:
        with make_current(device):
            items.close()

"""Keys and values in pages, and who owns which page.

Dimensions: L layers, G pages, S tokens a page, H heads, W head width, n pages copied.
Page 0 is never handed out: rows without a sequence write there (lanes that pad a batch, finished lines).
A page is freed when its last reference goes. Rows of one line share complete pages; a page that still fills up has
one owner, so a beam that follows another copies that one page and shares all before it.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
import torch

from .free_pages import FreePages

SCRATCH_PAGE = 0

Pages = tuple[torch.Tensor, ...]
"""A layer's keys and values as a cache holds them and the attention backend that belongs to it takes them."""

Made = TypeVar("Made")


class OutOfCacheMemory(RuntimeError):
    """A sequence that cannot fit, even alone. The message says what to lower."""


class Cache(ABC):
    """Keys and values of all layers: `PagedCache` as they are, `CompactCache` in fewer bits. A dataclass of tensors
    [L, G, ...], in all of which a page's tokens lie along `token_axis`."""

    token_axis: ClassVar[int]

    @staticmethod
    @abstractmethod
    def allocate(
        layers: int, pages: int, page_size: int, heads: int, head_dim: int, dtype: torch.dtype, device: torch.device
    ) -> "Cache":
        """Room for `pages` pages, the scratch page counted. Raises `OutOfCacheMemory` where the device has none."""

    @staticmethod
    @abstractmethod
    def token_bytes(heads: int, head_dim: int, dtype: torch.dtype) -> int:
        """Of one token in one layer."""

    @property
    def tensors(self) -> tuple[torch.Tensor, ...]:
        return tuple(vars(self).values())

    @property
    def pages(self) -> int:
        return self.tensors[0].shape[1]

    @property
    def page_size(self) -> int:
        return self.tensors[0].shape[self.token_axis]

    @property
    def bytes(self) -> int:
        return sum(tensor.nbytes for tensor in self.tensors)

    @property
    def layers(self) -> tuple[Pages, ...]:
        return tuple(zip(*(tensor.unbind() for tensor in self.tensors), strict=True))

    def copy_pages(self, sources: torch.Tensor, targets: torch.Tensor, tokens: int) -> None:
        """Copy the first `tokens` tokens of pages `sources` to `targets` (int64 [n], disjoint), in every layer."""
        if self.tensors[0].device.type == "cpu":
            for source, target in zip(sources.tolist(), targets.tolist(), strict=True):
                self.copy_page(source, target, tokens)
            return
        for first in self._first(tokens):
            first[:, targets] = first[:, sources]

    def copy_page(self, source: int, target: int, tokens: int) -> None:
        """Copy the first `tokens` tokens of one page."""
        for first in self._first(tokens):
            first[:, target] = first[:, source]

    def _first(self, tokens: int) -> tuple[torch.Tensor, ...]:
        """All pages up to so many tokens."""
        return tuple(tensor.narrow(self.token_axis, 0, tokens) for tensor in self.tensors)

    def take_over(self, old: "Cache") -> None:
        """Hold what a smaller cache of the same kind holds, in the same pages."""
        for mine, its in zip(self.tensors, old.tensors, strict=True):
            mine[:, : old.pages] = its


@dataclass(frozen=True, eq=False)
class PagedCache(Cache):
    """See `Cache`. keys, values: [L, G, S, H, W]."""

    keys: torch.Tensor
    values: torch.Tensor
    token_axis = 2

    @staticmethod
    def allocate(
        layers: int, pages: int, page_size: int, heads: int, head_dim: int, dtype: torch.dtype, device: torch.device
    ) -> "PagedCache":
        shape = (layers, pages, page_size, heads, head_dim)
        size = layers * pages * page_size * PagedCache.token_bytes(heads, head_dim, dtype)
        # Zeros, since backends that mask need finite values where nothing was written.
        return within_memory(lambda: PagedCache(*(_zeros(shape, dtype, device) for _ in range(2))), size, device)

    @staticmethod
    def token_bytes(heads: int, head_dim: int, dtype: torch.dtype) -> int:
        return 2 * heads * head_dim * dtype.itemsize


def within_memory(make: Callable[[], Made], size: int, device: torch.device) -> Made:
    """What `make` allocates, `size` bytes. Raises `OutOfCacheMemory` where the device has no room."""
    try:
        return make()
    except (RuntimeError, MemoryError) as error:
        raise OutOfCacheMemory(
            f"no room for a key-value cache of {size / 2**20:.0f} MiB on {device} ({error}); "
            "lower the number of lines at once, the beams or the tokens a line may have"
        ) from error


def store_tokens(keys: torch.Tensor, values: torch.Tensor, pages: Pages, slots: torch.Tensor) -> None:
    """Write keys and values [N, H, W] to slots int64 [N] of a `PagedCache`'s layer."""
    for held, new in zip(pages, (keys, values), strict=True):
        held.flatten(0, 1).index_copy_(0, slots, new)


def _zeros(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Zeros; on a CPU numpy's, which take memory only where they are first written."""
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    return torch.from_numpy(np.zeros(math.prod(shape) * dtype.itemsize, dtype=np.uint8)).view(dtype).view(shape)


class PageAllocator:
    """Counts references to pages 1 … total. Knows nothing of what they hold.

    limit: how many there may ever be, `total` unless said otherwise.
    """

    def __init__(self, total: int, limit: int | None = None) -> None:
        self._counts = [0]
        self._free = FreePages()
        self.limit = total if limit is None else limit
        self.extend(total)

    def extend(self, pages: int) -> None:
        """Add that many free pages behind the last."""
        first = len(self._counts)
        self._counts += [0] * pages
        if pages:
            self._free.add(first, pages)

    @property
    def total(self) -> int:
        return len(self._counts) - 1

    @property
    def free(self) -> int:
        return len(self._free)

    def references(self, page: int) -> int:
        return self._counts[page]

    def take(self, after: int | None = None) -> int:
        """A free page with one reference: the one that follows page `after`, or the start of the widest gap's rest.

        Pages that follow each other are read fastest by backends that need no gathering.
        """
        follows = after is not None and after + 1 in self._free
        return self._hold(after + 1 if follows and after is not None else self._widest_gap())

    def take_behind(self, page: int) -> int:
        """The first free page behind `page`, or before it: a line's beams lie closest together so."""
        return self._hold(self._free.behind(page) or SCRATCH_PAGE)

    def retain(self, page: int) -> None:
        assert self._counts[page] > 0, f"page {page} is free and cannot be shared"
        self._counts[page] += 1

    def release(self, page: int) -> None:
        assert self._counts[page] > 0, f"page {page} is released twice"
        self._counts[page] -= 1
        if not self._counts[page]:
            self._free.add(page)

    def _hold(self, page: int) -> int:
        if page not in self._free:
            raise OutOfCacheMemory("the page cache is full; this is a scheduling error, please report it")
        self._free.remove(page)
        self._counts[page] = 1
        return page

    def _widest_gap(self) -> int:
        """Middle of the longest run of free pages (its start, at the cache's beginning), so that the run before it
        can still grow."""
        first, length = self._free.widest()
        return first if first == SCRATCH_PAGE + 1 else first + length // 2

"""Keys and values in pages, and who owns which page.

Dimensions: L layers, G pages, S tokens a page, H heads, W head width, n pages copied.
Page 0 is never handed out: rows without a sequence write there (lanes that pad a batch, finished lines).
A page is freed when its last reference goes. Rows of one line share complete pages; a page that still fills up has
one owner, so a beam that follows another copies that one page and shares all before it.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from .free_pages import FreePages

SCRATCH_PAGE = 0

Pages = tuple[torch.Tensor, torch.Tensor]
"""One layer's keys and values, [G, S, H, W] each."""


class OutOfCacheMemory(RuntimeError):
    """A sequence that cannot fit, even alone. The message says what to lower."""


@dataclass(frozen=True, eq=False)
class PagedCache:
    """Keys and values of all layers: [L, G, S, H, W] each."""

    keys: torch.Tensor
    values: torch.Tensor

    @staticmethod
    def allocate(
        layers: int, pages: int, page_size: int, heads: int, head_dim: int, dtype: torch.dtype, device: torch.device
    ) -> "PagedCache":
        """Room for `pages` pages, the scratch page counted. Raises `OutOfCacheMemory` where the device has none."""
        shape = (layers, pages, page_size, heads, head_dim)
        try:
            # Zeros, since backends that mask need finite values where nothing was written.
            return PagedCache(_zeros(shape, dtype, device), _zeros(shape, dtype, device))
        except (RuntimeError, MemoryError) as error:
            size = layers * pages * page_size * PagedCache.token_bytes(heads, head_dim, dtype)
            raise OutOfCacheMemory(
                f"no room for a key-value cache of {size / 2**20:.0f} MiB on {device} ({error}); "
                "lower the number of lines at once, the beams or the tokens a line may have"
            ) from error

    @staticmethod
    def token_bytes(heads: int, head_dim: int, dtype: torch.dtype) -> int:
        """Of one token in one layer."""
        return 2 * heads * head_dim * dtype.itemsize

    @property
    def pages(self) -> int:
        return self.keys.shape[1]

    @property
    def page_size(self) -> int:
        return self.keys.shape[2]

    @property
    def bytes(self) -> int:
        return self.keys.nbytes + self.values.nbytes

    @property
    def layers(self) -> tuple[Pages, ...]:
        return tuple(zip(self.keys.unbind(), self.values.unbind(), strict=True))

    def copy_pages(self, sources: torch.Tensor, targets: torch.Tensor, tokens: int) -> None:
        """Copy the first `tokens` tokens of pages `sources` to `targets` (int64 [n], disjoint), in every layer."""
        if self.keys.device.type == "cpu":
            for source, target in zip(sources.tolist(), targets.tolist(), strict=True):
                self.copy_page(source, target, tokens)
            return
        for pages in (self.keys, self.values):
            pages[:, targets, :tokens] = pages[:, sources, :tokens]

    def copy_page(self, source: int, target: int, tokens: int) -> None:
        """Copy the first `tokens` tokens of one page."""
        for pages in (self.keys, self.values):
            pages[:, target, :tokens] = pages[:, source, :tokens]

    def take_over(self, old: "PagedCache") -> None:
        """Hold what a smaller cache holds, in the same pages."""
        for mine, its in ((self.keys, old.keys), (self.values, old.values)):
            mine[:, : old.pages] = its


def store_tokens(keys: torch.Tensor, values: torch.Tensor, pages: Pages, slots: torch.Tensor) -> None:
    """Write keys and values [N, H, W] to slots int64 [N] of one layer's pages."""
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

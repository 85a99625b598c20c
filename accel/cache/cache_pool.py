"""The KV cache that outlives runs: as large as a batch usually needs, larger where its lines get longer than usual."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from ..weights import DecoderWeights
from .page_allocator import OutOfCacheMemory, PageAllocator
from .paged_cache import PagedCache

logger = logging.getLogger(__name__)

GROWTH = 1.5
"""By how much a cache grows at least; growing copies it, and graphs are captured anew."""


@dataclass(frozen=True)
class PageDemand:
    """Pages of one run. least: for its largest request alone. expected: usually. worst: if nothing ends early."""

    least: int
    expected: int
    worst: int


class CachePool:
    """`cache` and `allocator` are replaced, never changed in size, when a run needs more than there is.

    max_bytes: of the cache of the next run, None sets no limit. With one, all that a run may need is taken at its
    beginning: a cache that grows stands beside the larger one while it is copied. let_go: called before one makes way
    for another, whose memory its users must not hold any longer.
    """

    def __init__(
        self,
        weights: DecoderWeights,
        page_size: int,
        max_bytes: int | None,
        let_go: Callable[[], None] = lambda: None,
    ) -> None:
        self._weights = weights
        self._page_size, self._let_go = page_size, let_go
        self.max_bytes = max_bytes
        self.allocator = PageAllocator(0)
        self.cache: PagedCache | None = None

    @property
    def cache_bytes(self) -> int:
        return self.cache.total_bytes if self.cache is not None else 0

    def prepare_run(self, need: PageDemand) -> None:
        """Have a cache for a run to start with. Raises `OutOfCacheMemory` where not even `least` pages fit."""
        self.allocator.reset()  # one run at a time: what is held, an exception kept from being returned
        limit = need.worst if self.max_bytes is None else min(need.worst, self.max_bytes // self.page_bytes - 1)
        pages = min(need.expected, limit) if self.max_bytes is None else limit
        too_large = self.max_bytes is not None and self.cache_bytes > self.max_bytes
        if too_large or self.allocator.total_pages < pages:
            self.drop_cache()
            got = self._allocate_or_halve(pages, min(need.least, pages))
            limit = limit if got == pages else got
            self.allocator = PageAllocator(got)
        self.allocator.limit = max(limit, self.allocator.total_pages)

    def ensure_free_pages(self, wanted: int) -> None:
        """Try to have `wanted` free pages. Where the device refuses, what there is becomes the limit."""
        allocator, old = self.allocator, self.cache
        if wanted <= allocator.free_pages or allocator.total_pages >= allocator.limit or old is None:
            return
        least = allocator.total_pages + wanted - allocator.free_pages
        pages = min(allocator.limit, max(least, int(allocator.total_pages * GROWTH)))
        try:
            new = self._new_cache(pages)
        except OutOfCacheMemory as error:
            logger.warning("the cache stays at %d pages: %s", allocator.total_pages, error)
            allocator.limit = allocator.total_pages
            return
        new.copy_from(old)
        self.cache = new  # before its pages: an exception between the two costs memory, no page
        allocator.add_pages(pages - allocator.total_pages)
        logger.info("the cache grows to %d pages, %.0f MiB", pages, self.cache_bytes / 2**20)

    def drop_cache(self) -> None:
        """Give the cache's memory back."""
        self._let_go()
        self.allocator = PageAllocator(0)
        self.cache = None

    def _allocate_or_halve(self, pages: int, least: int) -> int:
        """Allocate `pages`, or half as many as often as the device refuses, but `least`. Returns how many."""
        while True:
            try:
                self.cache = self._new_cache(pages)
                return pages
            except OutOfCacheMemory as error:
                if pages <= least:
                    raise
                pages = max(least, pages // 2)
                logger.warning("trying a cache of %d pages: %s", pages, error)

    @property
    def page_bytes(self) -> int:
        w = self._weights
        return len(w.layers) * self._page_size * PagedCache.token_bytes(w.heads, w.head_dim, w.dtype)

    def _new_cache(self, pages: int) -> PagedCache:
        w = self._weights
        return PagedCache.allocate(len(w.layers), pages + 1, self._page_size, w.heads, w.head_dim, w.dtype, w.device)

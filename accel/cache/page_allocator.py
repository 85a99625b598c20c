"""Pages of the KV cache, handed out by reference count.

Page 0 is never handed out: rows without a sequence write there (lanes that pad a batch, finished lines).
A page is freed when its last reference goes. Rows of one line share complete pages; a page that still fills up has
one owner, so a beam that follows another copies that one page and shares all before it.
"""

from .free_pages import FreePages

SCRATCH_PAGE = 0


class OutOfCacheMemory(RuntimeError):
    """A sequence that cannot fit, even alone. The message says what to lower."""


class PageAllocator:
    """Counts references to pages 1 … total. Knows nothing of what they hold.

    limit: how many there may ever be, `total` unless said otherwise.
    """

    def __init__(self, total: int, limit: int | None = None) -> None:
        self._counts = [0]
        self._free = FreePages()
        self.limit = total if limit is None else limit
        self.add_pages(total)

    def add_pages(self, pages: int) -> None:
        """Add that many free pages behind the last."""
        first = len(self._counts)
        self._counts += [0] * pages
        if pages:
            self._free.add_run(first, pages)

    @property
    def total_pages(self) -> int:
        return len(self._counts) - 1

    @property
    def free_pages(self) -> int:
        return len(self._free)

    def allocate_after(self, page: int | None = None) -> int:
        """A free page with one reference: the one that follows `page` if it is free, else one before free pages.

        Pages that follow each other are read fastest by backends that need no gathering.
        """
        if page is not None and page + 1 in self._free:
            return self._claim_page(page + 1)
        return self._claim_page(self._middle_of_widest_run())

    def allocate_near(self, page: int) -> int:
        """The first free page behind `page`, or before it: pages of one line's beams lie closest together so."""
        return self._claim_page(self._free.next_page(page) or SCRATCH_PAGE)

    def reset(self) -> None:
        """Every page is free, whatever was counted before: also what an exception left half done."""
        total = self.total_pages
        free = FreePages()
        if total:
            free.add_run(SCRATCH_PAGE + 1, total)
        self._counts, self._free = [0] * (total + 1), free

    def retain(self, page: int) -> None:
        assert self._counts[page] > 0, f"page {page} is free and cannot be shared"
        self._counts[page] += 1

    def release(self, page: int) -> None:
        assert self._counts[page] > 0, f"page {page} is released twice"
        self._counts[page] -= 1
        if not self._counts[page]:
            self._free.add_run(page)

    def _claim_page(self, page: int) -> int:
        if page not in self._free:
            raise OutOfCacheMemory("the page cache is full; this is a scheduling error, please report it")
        self._free.remove_page(page)
        self._counts[page] = 1
        return page

    def _middle_of_widest_run(self) -> int:
        """Middle of the longest run of free pages (its start, at the cache's beginning), so that the run before it
        can still grow."""
        first, length = self._free.widest_run()
        return first if first == SCRATCH_PAGE + 1 else first + length // 2

"""Continuous batching: who decodes now, who waits, and which pages of the KV cache they hold. On the host, no tensors.

A sequence *claims* the pages it could need at worst and takes them as it grows. Pages are handed out as Dijkstra's
banker hands out loans: only while some order remains in which every running sequence could still take its whole claim
and finish. So a cache far smaller than all claims together serves many sequences at once, none is thrown out,
and one that must not grow yet is paused until another has finished.

Dimensions: P prompt rows, S tokens a page, K beams.
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from .cache.page_allocator import OutOfCacheMemory, PageAllocator
from .request import Request

BlockTableWrite = tuple[int, int, int]
"""A page added: its row (of the batch's block tables), its column, the page."""


def pages_needed(tokens: int, page_size: int) -> int:
    return -(-tokens // page_size)


def worst_case_pages(request: Request, page_size: int) -> int:
    """Pages the request needs at worst: its beams part right after the prompt and never meet again."""
    beams, rows = request.sampling.num_beams, request.prompt.shape[0]
    columns = pages_needed(final_length(request), page_size)
    shared = rows // page_size
    return columns if beams == 1 else shared + beams * (columns - shared) + beams


def final_length(request: Request) -> int:
    """Tokens in the cache at the end: all but the last drawn enter."""
    return request.prompt.shape[0] + request.max_tokens - 1


@dataclass(eq=False)
class RunningSequence:
    """A sequence that decodes. claim: its pages at worst. block_tables: pages of each beam's columns.

    spare_pages: with beams, a page for each to copy into. cached: tokens in the cache, as far as is known. paused: it
    waits for pages. in_flight_tokens: those that steps under way may add to the cached ones.
    """

    index: int
    request: Request
    claim: int
    block_tables: list[list[int]]
    spare_pages: list[int]
    cached: int
    paused: bool = False
    in_flight_tokens: int = 0

    @property
    def page_references(self) -> Counter[int]:
        return Counter([*(page for table in self.block_tables for page in table), *self.spare_pages])

    @property
    def pages_held(self) -> int:
        """Without beams no page is referred to twice."""
        return len(self.block_tables[0]) if len(self.block_tables) == 1 else len(self.page_references)


@dataclass(eq=False)
class Scheduler:
    """Sequences wait in order of submission. `running` is in order of lanes.

    The allocator may have fewer pages than its limit; `pages_wanted` says how many would serve now. prompt_rows: rows
    that one prefill may hold, one prompt at least. cache_bound: a sequence had to wait for pages.
    """

    allocator: PageAllocator
    page_size: int
    max_lanes: int
    prompt_rows: int
    waiting: deque[tuple[int, Request]] = field(default_factory=deque)
    running: list[RunningSequence] = field(default_factory=list)
    cache_bound: bool = False

    def submit(self, index: int, request: Request) -> None:
        """Raises `OutOfCacheMemory` for a request that does not fit even alone."""
        claim = worst_case_pages(request, self.page_size)
        if claim > self.allocator.limit:
            limit = self.allocator.limit
            raise OutOfCacheMemory(
                f"request {index} may need {claim} cache pages of {self.page_size} tokens, the limit is {limit}; "
                f"lower its {request.max_tokens} tokens or its {request.sampling.num_beams} beams, or raise the limit"
            )
        self.waiting.append((index, request))

    def pages_wanted(self, tokens: int) -> int:
        """Pages to take if everything could go on at once: the running by `tokens` more, the waiting as lanes allow."""
        growth = sum(self._missing_columns(r, tokens) * len(r.block_tables) for r in self.running)
        admitted = list(self.waiting)[: self.max_lanes - len(self.running)]
        return growth + sum(self._first_pages(request, tokens) for _, request in admitted)

    def admit_waiting(self) -> list[RunningSequence]:
        """Start as many waiting sequences as lanes, pages and the prefill's size allow; they get the next lanes."""
        admitted: list[RunningSequence] = []
        rows = 0
        while self.waiting and len(self.running) < self.max_lanes:
            index, request = self.waiting[0]
            rows += request.prompt.shape[0]
            claim = worst_case_pages(request, self.page_size)
            if (admitted and rows > self.prompt_rows) or not self._may_take(self._first_pages(request), claim):
                break
            self.waiting.popleft()
            admitted.append(self._start_sequence(index, request, claim))
        if self.waiting and not self.running:
            raise self._cache_too_small()
        return admitted

    def append_pages(self, tokens: int) -> list[BlockTableWrite]:
        """Give every running sequence pages for `tokens` more, or pause it. See `is_stuck`."""
        writes: list[BlockTableWrite] = []
        for lane, running in enumerate(self.running):
            missing = self._missing_columns(running, tokens)
            pages = missing * len(running.block_tables)
            running.paused = bool(pages) and not self._may_take(pages, running.claim, running)
            if not running.paused:
                writes += self._append_columns(lane, running, missing)
        return writes

    @property
    def is_stuck(self) -> bool:
        """Nobody may grow. The banker never gets here, but a device that refuses memory it was counted on for does."""
        return bool(self.running) and all(running.paused for running in self.running)

    def preempt_last(self) -> None:
        """Send the last lane back to wait and return its pages; it starts over, and comes to the same end."""
        if len(self.running) == 1:
            raise self._cache_too_small()
        running = self.running.pop()
        self._release_pages(running)
        self.waiting.appendleft((running.index, running.request))

    def replace_block_tables(
        self, running: RunningSequence, tables: Sequence[Sequence[int]], spares: Sequence[int]
    ) -> None:
        """Take over how beams share pages now, and free what none of them refers to any more."""
        if tables == running.block_tables and spares == running.spare_pages:
            return
        before = running.page_references
        running.block_tables, running.spare_pages = [list(table) for table in tables], list(spares)
        after = running.page_references
        for page in (after - before).elements():
            self.allocator.retain(page)
        for page in (before - after).elements():
            self.allocator.release(page)

    def retire_lane(self, lane: int) -> None:
        """Return the pages of lane `lane`; the last lane moves into its place."""
        self._release_pages(self.running[lane])
        last = self.running.pop()
        if lane < len(self.running):
            self.running[lane] = last

    def release_all(self) -> None:
        """Return every page and forget every sequence, in whatever state an exception left them."""
        self.running.clear()
        self.waiting.clear()
        self.allocator.reset()

    def _release_pages(self, running: RunningSequence) -> None:
        for page in running.page_references.elements():
            self.allocator.release(page)

    def _first_pages(self, request: Request, tokens: int = 0) -> int:
        """Pages of a request that has just started, and of the first `tokens` it draws."""
        beams, shared = request.sampling.num_beams, request.prompt.shape[0] // self.page_size
        length = min(request.prompt.shape[0] + tokens, final_length(request))
        return shared + beams * (pages_needed(length, self.page_size) - shared + (beams > 1))

    def _start_sequence(self, index: int, request: Request, claim: int) -> RunningSequence:
        beams, rows = request.sampling.num_beams, request.prompt.shape[0]
        shared, partial = divmod(rows, self.page_size)
        prefix: list[int] = []
        for _ in range(shared):
            prefix.append(self.allocator.allocate_after(prefix[-1] if prefix else None))
            for _ in range(beams - 1):
                self.allocator.retain(prefix[-1])
        running = RunningSequence(index, request, claim, [list(prefix) for _ in range(beams)], [], rows)
        if partial:
            self._append_columns(len(self.running), running, 1)
        if beams > 1:
            running.spare_pages = [self.allocator.allocate_near(running.block_tables[0][0]) for _ in range(beams)]
        self.running.append(running)
        return running

    def _missing_columns(self, running: RunningSequence, tokens: int) -> int:
        """Columns that each beam lacks to cache `tokens` more."""
        length = min(running.cached + running.in_flight_tokens + tokens, final_length(running.request))
        return max(0, pages_needed(length, self.page_size) - len(running.block_tables[0]))

    def _append_columns(self, lane: int, running: RunningSequence, columns: int) -> list[BlockTableWrite]:
        writes = []
        for beam, table in enumerate(running.block_tables):
            for _ in range(columns):
                table.append(self._next_page(running, table))
                writes.append((lane * len(running.block_tables) + beam, len(table) - 1, table[-1]))
        return writes

    def _next_page(self, running: RunningSequence, table: list[int]) -> int:
        """Without beams, the page that follows the last; beams part and meet, so a line's lie close together."""
        first = running.block_tables[0][:1]
        if first and len(running.block_tables) > 1:
            return self.allocator.allocate_near(first[0])
        return self.allocator.allocate_after(table[-1] if table else None)

    def _may_take(self, pages: int, claim: int, running: RunningSequence | None = None) -> bool:
        """Whether `running`, or one that starts, may take `pages` now and everyone can still finish."""
        total_claim = sum(r.claim for r in self.running) + (running is None) * claim
        if pages <= self.allocator.free_pages and total_claim <= self.allocator.limit:
            return True  # where all whole claims fit together, nobody ever waits
        held = running.pages_held if running is not None else 0
        taken = self.allocator.total_pages - self.allocator.free_pages + pages
        claims = [(r.claim - r.pages_held, r.pages_held) for r in self.running if r is not running]
        claims.append((claim - held - pages, held + pages))
        allowed = pages <= self.allocator.free_pages and _can_all_finish(claims, self.allocator.limit - taken)
        self.cache_bound |= not allowed
        return allowed

    def _cache_too_small(self) -> OutOfCacheMemory:
        request = self.running[0].request if self.running else self.waiting[0][1]
        return OutOfCacheMemory(
            f"the device has no memory for more than {self.allocator.total_pages} cache pages of {self.page_size} "
            "tokens, too few for one sequence; "
            f"lower its {request.max_tokens} tokens or its {request.sampling.num_beams} beams"
        )


def _can_all_finish(claims: list[tuple[int, int]], free: int) -> bool:
    """Whether sequences with (pages still needed, pages held) can finish one after another from `free` pages."""
    for needed, held in sorted(claims):
        if needed > free:
            return False
        free += held
    return True

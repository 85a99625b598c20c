"""Who decodes now, who waits, and which pages they hold. Runs on the host and touches no tensor.

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


def pages_for(tokens: int, page_size: int) -> int:
    return -(-tokens // page_size)


def claim_of(request: Request, page_size: int) -> int:
    """Pages the request needs at worst: its beams part right after the prompt and never meet again."""
    beams, rows = request.sampling.num_beams, request.prompt.shape[0]
    columns = pages_for(last_length(request), page_size)
    shared = rows // page_size
    return columns if beams == 1 else shared + beams * (columns - shared) + beams


def last_length(request: Request) -> int:
    """Tokens in the cache at the end: all but the last drawn enter."""
    return request.prompt.shape[0] + request.max_tokens - 1


@dataclass(eq=False)
class Running:
    """A sequence that decodes. tables: pages of each beam's columns. cached: tokens in the cache, as far as is known.

    spares: with beams, a page for each to copy into. paused: it waits for pages. flying: tokens that steps under way
    may add to those cached.
    """

    index: int
    request: Request
    claim: int
    tables: list[list[int]]
    spares: list[int]
    cached: int
    paused: bool = False
    flying: int = 0

    @property
    def references(self) -> Counter[int]:
        return Counter([*(page for table in self.tables for page in table), *self.spares])

    @property
    def held(self) -> int:
        """Without beams no page is referred to twice."""
        return len(self.tables[0]) if len(self.tables) == 1 else len(self.references)


@dataclass(frozen=True)
class Growth:
    """A page added to column `column` of beam `beam` of the sequence in lane `lane`."""

    lane: int
    beam: int
    column: int
    page: int


@dataclass(eq=False)
class Scheduler:
    """Sequences wait in order of submission. `running` is in order of lanes.

    The allocator may have fewer pages than its limit; `wanted` says how many would serve now. prompt_rows: rows that
    one prefill may hold, one prompt at least. short: a sequence had to wait for pages.
    """

    allocator: PageAllocator
    page_size: int
    max_lanes: int
    prompt_rows: int
    waiting: deque[tuple[int, Request]] = field(default_factory=deque)
    running: list[Running] = field(default_factory=list)
    short: bool = False

    def submit(self, index: int, request: Request) -> None:
        """Raises `OutOfCacheMemory` for a request that does not fit even alone."""
        claim = claim_of(request, self.page_size)
        if claim > self.allocator.limit:
            limit = self.allocator.limit
            raise OutOfCacheMemory(
                f"request {index} may need {claim} cache pages of {self.page_size} tokens, the limit is {limit}; "
                f"lower its {request.max_tokens} tokens or its {request.sampling.num_beams} beams, or raise the limit"
            )
        self.waiting.append((index, request))

    def wanted(self, tokens: int) -> int:
        """Pages to take if everything could go on at once: the running by `tokens` more, the waiting as lanes allow."""
        growth = sum(self._missing(r, tokens) * len(r.tables) for r in self.running)
        admitted = list(self.waiting)[: self.max_lanes - len(self.running)]
        return growth + sum(self._first_pages(request, tokens) for _, request in admitted)

    def admit(self) -> list[Running]:
        """Start as many waiting sequences as lanes, pages and the prefill's size allow; they get the next lanes."""
        admitted: list[Running] = []
        rows = 0
        while self.waiting and len(self.running) < self.max_lanes:
            index, request = self.waiting[0]
            rows += request.prompt.shape[0]
            claim = claim_of(request, self.page_size)
            if (admitted and rows > self.prompt_rows) or not self._may_take(self._first_pages(request), claim):
                break
            self.waiting.popleft()
            admitted.append(self._start(index, request, claim))
        if self.waiting and not self.running:
            raise self._no_room()
        return admitted

    def grow(self, tokens: int) -> list[Growth]:
        """Give every running sequence pages for `tokens` more, or pause it. See `stuck`."""
        growths: list[Growth] = []
        for lane, running in enumerate(self.running):
            missing = self._missing(running, tokens)
            pages = missing * len(running.tables)
            running.paused = bool(pages) and not self._may_take(pages, running.claim, running)
            if not running.paused:
                growths += self._extend(lane, running, missing)
        return growths

    @property
    def _claimed(self) -> int:
        """Pages of all whole claims: where they fit together, nobody ever waits."""
        return sum(r.claim for r in self.running)

    @property
    def stuck(self) -> bool:
        """Nobody may grow. The banker never gets here, but a device that refuses memory it was counted on for does."""
        return bool(self.running) and all(running.paused for running in self.running)

    def evict(self) -> None:
        """Send the last lane back to wait and return its pages; it starts over, and comes to the same end."""
        if len(self.running) == 1:
            raise self._no_room()
        running = self.running.pop()
        self._release(running)
        self.waiting.appendleft((running.index, running.request))

    def replace_tables(self, running: Running, tables: Sequence[Sequence[int]], spares: Sequence[int]) -> None:
        """Take over how beams share pages now, and free what none of them refers to any more."""
        if tables == running.tables and spares == running.spares:
            return
        before = running.references
        running.tables, running.spares = [list(table) for table in tables], list(spares)
        after = running.references
        for page in (after - before).elements():
            self.allocator.retain(page)
        for page in (before - after).elements():
            self.allocator.release(page)

    def retire(self, lane: int) -> None:
        """Return the pages of lane `lane`; the last lane moves into its place."""
        self._release(self.running[lane])
        last = self.running.pop()
        if lane < len(self.running):
            self.running[lane] = last

    def release_all(self) -> None:
        """Return every page and forget every sequence."""
        for running in self.running:
            self._release(running)
        self.running.clear()
        self.waiting.clear()

    def _release(self, running: Running) -> None:
        for page in running.references.elements():
            self.allocator.release(page)

    def _first_pages(self, request: Request, tokens: int = 0) -> int:
        """Pages of a request that has just started, and of the first `tokens` it draws."""
        beams, shared = request.sampling.num_beams, request.prompt.shape[0] // self.page_size
        length = min(request.prompt.shape[0] + tokens, last_length(request))
        return shared + beams * (pages_for(length, self.page_size) - shared + (beams > 1))

    def _start(self, index: int, request: Request, claim: int) -> Running:
        beams, rows = request.sampling.num_beams, request.prompt.shape[0]
        shared, partial = divmod(rows, self.page_size)
        prefix: list[int] = []
        for _ in range(shared):
            prefix.append(self.allocator.take(prefix[-1] if prefix else None))
            for _ in range(beams - 1):
                self.allocator.retain(prefix[-1])
        running = Running(index, request, claim, [list(prefix) for _ in range(beams)], [], rows)
        if partial:
            self._extend(len(self.running), running, 1)
        if beams > 1:
            running.spares = [self.allocator.take_behind(running.tables[0][0]) for _ in range(beams)]
        self.running.append(running)
        return running

    def _missing(self, running: Running, tokens: int) -> int:
        """Columns that each beam lacks to cache `tokens` more."""
        length = min(running.cached + running.flying + tokens, last_length(running.request))
        return max(0, pages_for(length, self.page_size) - len(running.tables[0]))

    def _extend(self, lane: int, running: Running, columns: int) -> list[Growth]:
        growths = []
        for beam, table in enumerate(running.tables):
            for _ in range(columns):
                table.append(self._next_page(running, table))
                growths.append(Growth(lane, beam, len(table) - 1, table[-1]))
        return growths

    def _next_page(self, running: Running, table: list[int]) -> int:
        """Without beams, the page that follows the last; beams part and meet, so a line's lie close together."""
        first = running.tables[0][:1]
        if first and len(running.tables) > 1:
            return self.allocator.take_behind(first[0])
        return self.allocator.take(table[-1] if table else None)

    def _may_take(self, pages: int, claim: int, running: Running | None = None) -> bool:
        """Whether `running`, or one that starts, may take `pages` now and everyone can still finish."""
        if pages <= self.allocator.free and self._claimed + (running is None) * claim <= self.allocator.limit:
            return True
        held = running.held if running is not None else 0
        taken = self.allocator.total - self.allocator.free + pages
        claims = [(r.claim - r.held, r.held) for r in self.running if r is not running]
        claims.append((claim - held - pages, held + pages))
        allowed = pages <= self.allocator.free and _all_finish(claims, self.allocator.limit - taken)
        self.short |= not allowed
        return allowed

    def _no_room(self) -> OutOfCacheMemory:
        request = self.running[0].request if self.running else self.waiting[0][1]
        return OutOfCacheMemory(
            f"the device has no memory for more than {self.allocator.total} cache pages of {self.page_size} tokens, "
            f"too few for one sequence; lower its {request.max_tokens} tokens or its {request.sampling.num_beams} beams"
        )


def _all_finish(claims: list[tuple[int, int]], free: int) -> bool:
    """Whether sequences with (pages still needed, pages held) can finish one after another from `free` pages."""
    for needed, held in sorted(claims):
        if needed > free:
            return False
        free += held
    return True

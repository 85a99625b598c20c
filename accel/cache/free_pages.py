"""Which pages are free, as runs of pages that follow each other: a few hundred pages are seldom more than a few runs.

Dimensions: N runs. Everything is a bisection or goes over runs, never over pages.
"""

from bisect import bisect_right


class FreePages:
    """A set of pages, positive numbers."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, page: int) -> bool:
        run = bisect_right(self._starts, page) - 1
        return run >= 0 and page < self._ends[run]

    def add_run(self, first: int, count: int = 1) -> None:
        """Add pages first … first + count - 1, none of which is free yet."""
        end = first + count
        at = bisect_right(self._starts, first)
        joins_before = at > 0 and self._ends[at - 1] == first
        joins_behind = at < len(self._starts) and self._starts[at] == end
        begin = at - joins_before
        starts = [self._starts[begin] if joins_before else first]
        ends = [self._ends[at] if joins_behind else end]
        self._replace_runs(begin, at + joins_behind, starts, ends)
        self._count += count

    def remove_page(self, page: int) -> None:
        """Take one free page out."""
        run = bisect_right(self._starts, page) - 1
        start, end = self._starts[run], self._ends[run]
        left = [(first, last) for first, last in ((start, page), (page + 1, end)) if first < last]
        self._replace_runs(run, run + 1, [first for first, _ in left], [last for _, last in left])
        self._count -= 1

    def next_page(self, page: int) -> int | None:
        """The first free page behind `page`, or before it where none is behind; None if all are taken."""
        if page + 1 in self:
            return page + 1
        run = bisect_right(self._starts, page)
        return self._starts[run % len(self._starts)] if self._starts else None

    def widest_run(self) -> tuple[int, int]:
        """First page and length of the longest run, the first of equal ones; (0, 0) if all are taken."""
        runs = zip(self._starts, self._ends, strict=True)
        return max(((start, end - start) for start, end in runs), key=lambda run: run[1], default=(0, 0))

    def _replace_runs(self, begin: int, end: int, starts: list[int], ends: list[int]) -> None:
        self._starts[begin:end] = starts
        self._ends[begin:end] = ends

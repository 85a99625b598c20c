"""Runs of free pages answer as a plain set of pages would."""

from hypothesis import given, settings
from hypothesis import strategies as st
from indextts2_multitalk.accel.cache.free_pages import FreePages


def widest(pages: set[int]) -> tuple[int, int]:
    """First page and length of the longest run, the first of equal ones."""
    best = (0, 0)
    for page in sorted(pages):
        length = next(n for n in range(1, len(pages) + 1) if page + n not in pages)
        best = (page, length) if page - 1 not in pages and length > best[1] else best
    return best


@settings(max_examples=200)
@given(st.lists(st.integers(1, 20), max_size=80), st.integers(0, 21))
def test_runs_are_a_set(flips, asked):
    free, model = FreePages(), set()
    for page in flips:
        if page in model:
            free.remove_page(page)
        else:
            free.add_run(page)
        model ^= {page}
        assert len(free) == len(model)
        assert {p for p in range(22) if p in free} == model
        behind = [p for p in model if p > asked]
        assert free.next_page(asked) == min(behind or model, default=None)
        assert free.widest_run() == widest(model)


def test_several_pages_are_added_at_once():
    free = FreePages()
    free.add_run(1, 4)
    free.add_run(5, 3)
    assert free.widest_run() == (1, 7)
    assert len(free) == 7

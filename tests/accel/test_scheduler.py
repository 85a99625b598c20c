"""The scheduler under random schedules, with sequences that stop when they like and beams that part as they like."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from indextts2_multitalk.accel.cache.page_allocator import OutOfCacheMemory, PageAllocator
from indextts2_multitalk.accel.request import Request
from indextts2_multitalk.accel.sampling.params import SamplingParams
from indextts2_multitalk.accel.scheduler import Scheduler, final_length, worst_case_pages

PAGE = 4


def request(rows: int, tokens: int, beams: int) -> Request:
    return Request(torch.zeros(rows, 1), 0, SamplingParams(num_beams=beams), tokens)


requests = st.lists(st.builds(request, st.integers(1, 19), st.integers(1, 24), st.sampled_from([1, 2, 3])), max_size=9)


def check(scheduler: Scheduler) -> None:
    """Every page in use belongs to one sequence, and is counted once for each of its references."""
    total = {}
    for running in scheduler.running:
        for page, count in running.page_references.items():
            assert page not in total, "two sequences share a page"
            total[page] = count
        assert running.pages_held <= running.claim
        rows = {tuple(table) for table in running.block_tables}
        assert len({len(table) for table in rows}) == 1
    allocator = scheduler.allocator
    assert allocator.free_pages == allocator.total_pages - len(total)
    assert all(allocator._counts[page] == count for page, count in total.items())


def part(scheduler: Scheduler, running, draw) -> None:
    """What a run of steps does to a line's beams: complete pages are shared as parents have it, own pages stay own."""
    complete = running.cached // PAGE
    beams = len(running.block_tables)
    if beams > 1:
        parents = draw(st.lists(st.integers(0, beams - 1), min_size=beams, max_size=beams))
        tables = [
            running.block_tables[p][:complete] + running.block_tables[b][complete:] for b, p in enumerate(parents)
        ]
        spares = list(running.spare_pages)
        if complete < len(tables[0]) and draw(st.booleans()):
            own = [table[complete] for table in tables]
            for table, spare in zip(tables, spares, strict=True):
                table[complete] = spare
            spares = own
        scheduler.replace_block_tables(running, tables, spares)


@settings(max_examples=150)
@given(st.data())
def test_every_sequence_finishes_and_every_page_returns(data):
    todo = data.draw(requests)
    worst = max((worst_case_pages(r, PAGE) for r in todo), default=1)
    pages = data.draw(st.integers(worst, 3 * worst))
    steps = data.draw(st.integers(1, PAGE))
    scheduler = Scheduler(PageAllocator(pages), PAGE, data.draw(st.integers(1, 5)), data.draw(st.integers(1, 30)))
    for index, r in enumerate(todo):
        scheduler.submit(index, r)
    cancel_after = data.draw(st.one_of(st.none(), st.integers(0, 10)))
    finished, started, rounds = [], [], 0
    while (scheduler.running or scheduler.waiting) and rounds != cancel_after:
        rounds += 1
        started += [running.index for running in scheduler.admit_waiting()]
        check(scheduler)
        assert 0 < len(scheduler.running) <= scheduler.max_lanes
        scheduler.append_pages(steps)
        check(scheduler)
        done = []
        for lane, running in enumerate(scheduler.running):
            if not running.paused:
                running.cached = min(running.cached + steps, final_length(running.request))
                assert running.cached <= len(running.block_tables[0]) * PAGE
                part(scheduler, running, data.draw)
            ended = running.cached == final_length(running.request) or data.draw(st.integers(0, 9)) == 0
            if ended:
                done.append(lane)
        for lane in reversed(done):
            finished.append(scheduler.running[lane].index)
            scheduler.retire_lane(lane)
        check(scheduler)
    if cancel_after is None:
        assert sorted(finished) == list(range(len(todo)))
    assert started == sorted(started), "requests start in their order"
    scheduler.release_all()
    assert scheduler.allocator.free_pages == scheduler.allocator.total_pages


def test_more_than_fits_is_refused_with_what_to_lower():
    scheduler = Scheduler(PageAllocator(5), PAGE, 4, 100)
    with pytest.raises(OutOfCacheMemory, match=r"request 3 may need 6 cache pages.*lower its 13 tokens or its 1 beams"):
        scheduler.submit(3, request(9, 13, 1))


def test_lanes_and_pages_are_lent_beyond_the_sum_of_claims():
    """Four sequences that claim 5 pages each decode side by side in 8 pages for as long as one could still finish."""
    scheduler = Scheduler(PageAllocator(8), PAGE, 4, 100)
    for index in range(4):
        scheduler.submit(index, request(4, 17, 1))
    assert len(scheduler.admit_waiting()) == 4
    scheduler.append_pages(1)
    assert [running.paused for running in scheduler.running] == [False, True, True, True]
    assert scheduler.cache_bound


def test_a_prefill_is_split_by_its_rows():
    scheduler = Scheduler(PageAllocator(64), PAGE, 8, prompt_rows=20)
    for index in range(3):
        scheduler.submit(index, request(9, 4, 1))
    assert [len(scheduler.admit_waiting()), len(scheduler.admit_waiting()), len(scheduler.admit_waiting())] == [2, 1, 0]
    assert not scheduler.cache_bound


def test_wanted_counts_growth_and_arrivals():
    scheduler = Scheduler(PageAllocator(40), PAGE, 2, 100)
    for index in range(3):
        scheduler.submit(index, request(5, 20, 2))
    first = 1 + 2 + 2  # one page shared, two that fill up, two spares
    assert scheduler.pages_wanted(3) == 2 * first
    assert scheduler.pages_wanted(4) == 2 * (first + 2)
    scheduler.admit_waiting()
    assert scheduler.pages_wanted(3) == 0
    assert scheduler.pages_wanted(4) == 2 * 2


def test_without_progress_it_says_so_instead_of_waiting_for_ever():
    allocator = PageAllocator(2, limit=9)
    scheduler = Scheduler(allocator, PAGE, 4, 100)
    scheduler.submit(0, request(12, 4, 1))
    with pytest.raises(OutOfCacheMemory, match="too few for one sequence; lower its 4 tokens or its 1 beams"):
        scheduler.admit_waiting()


def test_a_device_that_breaks_its_promise_costs_time_and_not_lines():
    """The limit falls while two sequences run: the later one starts over once the first has finished."""
    allocator = PageAllocator(4, limit=8)
    scheduler = Scheduler(allocator, PAGE, 4, 100)
    for index in range(2):
        scheduler.submit(index, request(8, 9, 1))
    assert len(scheduler.admit_waiting()) == 2
    scheduler.append_pages(1)
    assert scheduler.is_stuck
    allocator.limit = allocator.total_pages
    scheduler.preempt_last()
    assert [index for index, _ in scheduler.waiting] == [1]
    assert len(scheduler.append_pages(1)) == 1
    assert not scheduler.is_stuck
    scheduler.retire_lane(0)
    assert [running.index for running in scheduler.admit_waiting()] == [1]
    with pytest.raises(OutOfCacheMemory):
        scheduler.preempt_last()

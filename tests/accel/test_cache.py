"""Page accounting, with a model that knows no cleverness, and the pool that grows."""

from collections import Counter

import pytest
import torch
from helpers.tiny_decoder import tiny_weights
from hypothesis import given, settings
from hypothesis import strategies as st
from indextts2_multitalk.accel.cache.cache_pool import CachePool, PageDemand
from indextts2_multitalk.accel.cache.page_allocator import SCRATCH_PAGE, OutOfCacheMemory, PageAllocator
from indextts2_multitalk.accel.cache.paged_cache import PagedCache


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(["take", "follow", "retain", "release"]), st.integers(0, 999)), max_size=80))
def test_counts_equal_a_plain_counter(steps):
    allocator, owned = PageAllocator(12), Counter()
    for action, choice in steps:
        pages = sorted(owned)
        if action in ("take", "follow"):
            if not allocator.free_pages:
                continue
            page = allocator.allocate_after(pages[choice % len(pages)] if action == "follow" and pages else None)
            assert page not in owned
            assert SCRATCH_PAGE < page <= 12
            owned[page] = 1
        elif pages:
            page = pages[choice % len(pages)]
            getattr(allocator, action)(page)
            owned[page] += 1 if action == "retain" else -1
            owned += Counter()
        assert allocator.free_pages == 12 - len(owned)
        assert all(allocator._counts[page] == owned[page] for page in range(1, 13))


def test_a_free_page_cannot_be_released_or_shared():
    allocator = PageAllocator(2)
    page = allocator.allocate_after()
    allocator.release(page)
    with pytest.raises(AssertionError, match="released twice"):
        allocator.release(page)
    with pytest.raises(AssertionError, match="cannot be shared"):
        allocator.retain(page)


def test_sequences_get_pages_that_follow_each_other():
    allocator = PageAllocator(64)
    tables = [[allocator.allocate_after()] for _ in range(4)]
    for _ in range(7):
        for table in tables:
            table.append(allocator.allocate_after(table[-1]))
    for table in tables:
        assert table == list(range(table[0], table[0] + 8))


def test_pages_are_copied_up_to_the_last_token():
    cache = PagedCache.allocate(2, 6, 4, 1, 2, torch.float32, torch.device("cpu"))
    cache.keys.normal_()
    cache.values.normal_()
    before = cache.keys.clone()
    cache.copy_pages(torch.tensor([1, 2]), torch.tensor([4, 5]), 3)
    assert torch.equal(cache.keys[:, 4:, :3], before[:, 1:3, :3])
    assert torch.equal(cache.keys[:, 4:, 3:], before[:, 4:, 3:])
    assert torch.equal(cache.keys[:, :4], before[:, :4])


def test_a_device_without_room_says_what_to_lower():
    with pytest.raises(OutOfCacheMemory, match=r"no room for a key-value cache of \d+ MiB.*lower the number of lines"):
        PagedCache.allocate(1000, 2**20, 2**10, 2**10, 2**10, torch.float32, torch.device("cpu"))


@pytest.fixture
def pool() -> CachePool:
    return CachePool(tiny_weights(), page_size=4, max_bytes=None)


def test_the_pool_starts_with_what_is_expected_and_grows_to_the_worst(pool):
    pool.prepare_run(PageDemand(least=2, expected=4, worst=9))
    assert (pool.allocator.total_pages, pool.allocator.limit) == (4, 9)
    page = pool.allocator.allocate_after()
    pool.cache.keys[:, page] = 3.0
    pool.ensure_free_pages(5)
    assert (pool.allocator.total_pages, pool.allocator.free_pages, pool.allocator.limit) == (6, 5, 9)
    assert (pool.cache.keys[:, page] == 3.0).all()
    pool.ensure_free_pages(50)
    assert pool.allocator.total_pages == 9


def test_a_pool_that_is_large_enough_stays(pool):
    pool.prepare_run(PageDemand(4, 8, 8))
    cache = pool.cache
    pool.prepare_run(PageDemand(1, 2, 3))
    assert pool.cache is cache
    pool.drop_cache()
    assert pool.cache_bytes == 0


def test_a_device_that_refuses_sets_the_limit(pool, monkeypatch):
    allocate = pool._new_cache

    def refuse_more_than(pages):
        def new(wanted):
            if wanted > pages:
                raise OutOfCacheMemory("no")
            return allocate(wanted)

        return new

    monkeypatch.setattr(pool, "_new_cache", refuse_more_than(6))
    pool.prepare_run(PageDemand(least=3, expected=20, worst=40))
    assert (pool.allocator.total_pages, pool.allocator.limit) == (5, 5)
    pool.drop_cache()
    pool.prepare_run(PageDemand(least=3, expected=4, worst=40))
    pool.ensure_free_pages(6)
    assert (pool.allocator.total_pages, pool.allocator.limit) == (6, 40)
    pool.ensure_free_pages(9)
    assert (pool.allocator.total_pages, pool.allocator.limit) == (6, 6)
    pool.drop_cache()
    with pytest.raises(OutOfCacheMemory):
        pool.prepare_run(PageDemand(least=7, expected=20, worst=40))


def test_bytes_cap_the_pool():
    weights = tiny_weights()
    page = 2 * len(weights.layers) * 4 * weights.width * 4
    pool = CachePool(weights, page_size=4, max_bytes=10 * page)
    pool.prepare_run(PageDemand(2, 50, 90))
    assert pool.cache_bytes <= 10 * page
    assert pool.allocator.limit == pool.allocator.total_pages == 9

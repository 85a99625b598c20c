"""The cache of conditioning: bounds, eviction, one computation per content."""

import threading
import time
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.conditioning.cache import ContentCache, count_tensor_bytes


@dataclass
class Pair:
    left: torch.Tensor
    right: torch.Tensor


def kilobyte():
    return torch.zeros(256)


def test_sizes_are_those_of_the_tensors_held():
    half = torch.zeros(10, dtype=torch.float16)
    assert count_tensor_bytes(half) == 20
    assert count_tensor_bytes(Pair(half, half)) == 40
    assert count_tensor_bytes((half, [half])) == 40
    assert count_tensor_bytes(0.5) > 0


def test_a_value_is_computed_once():
    cache, computed = ContentCache(4096), []
    for _ in range(3):
        cache.get("voice", lambda: computed.append(1) or kilobyte())
    assert len(computed) == 1


def test_the_least_recently_used_leaves_first():
    cache = ContentCache(3 * 1024)
    for name in "abc":
        cache.get(name, kilobyte)
    cache.get("a", pytest.fail)
    cache.get("d", kilobyte)
    cache.get("a", pytest.fail)
    recomputed = []
    cache.get("b", lambda: recomputed.append(1) or kilobyte())
    assert recomputed


def test_a_value_too_large_is_returned_and_not_kept():
    cache = ContentCache(1000)
    assert cache.get("big", kilobyte).shape == (256,)
    assert len(cache) == 0
    assert cache.held_bytes == 0


def test_a_failed_computation_leaves_nothing():
    cache = ContentCache(4096)
    with pytest.raises(KeyboardInterrupt):
        cache.get("voice", lambda: (_ for _ in ()).throw(KeyboardInterrupt()))
    assert cache.get("voice", kilobyte).shape == (256,)


def test_clearing_lets_go_of_everything():
    cache = ContentCache(4096)
    cache.get("voice", kilobyte)
    cache.clear()
    assert (len(cache), cache.held_bytes) == (0, 0)


def test_two_threads_compute_one_voice_once():
    cache, computed, asking = ContentCache(4096), [], threading.Barrier(4)

    def slow():
        computed.append(1)
        for _ in range(100):
            time.sleep(0)  # the other threads' turn
        return kilobyte()

    def ask():
        asking.wait()
        cache.get("voice", slow)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(computed) == 1


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 40)), max_size=60), st.integers(1, 100))
def test_the_bound_holds_whatever_is_asked_for(asked, bound):
    cache, held = ContentCache(bound), {}
    for key, size in asked:
        value = cache.get(key, lambda size=size: torch.zeros(size, dtype=torch.uint8))
        held[key] = value
        assert cache.held_bytes <= bound
        assert cache.held_bytes == sum(count_tensor_bytes(v) for v in cache._values.values())

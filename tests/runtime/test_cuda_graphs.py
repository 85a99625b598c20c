"""Captured graphs: which are kept, when they are dropped, and what happens where nothing can be captured."""

import logging

import pytest
import torch
from helpers.graphs import capture_nothing, stand_in_for_graphs
from indextts2_multitalk.runtime import cuda_graphs
from indextts2_multitalk.runtime.cuda_graphs import CaptureOnSecondRun, GraphCache, GraphPool, weights_address_key
from torch import nn

CPU = torch.device("cpu")


def test_the_least_recently_used_graph_goes_first():
    cache = GraphCache("tests", capacity=2)
    for key in ("a", "b", "a", "c"):
        cache.get(key, lambda pool: pool)
    assert list(cache) == ["a", "c"]
    assert len(cache) == 2 and "b" not in cache


def test_graphs_of_a_cache_share_a_pool_until_it_is_cleared():
    cache = GraphCache("tests")
    first = cache.get("a", lambda pool: pool)
    assert cache.get("b", lambda pool: pool) is first
    cache.drop("a")
    assert cache.get("a", lambda pool: pool) is first
    cache.clear()
    assert not len(cache)
    assert cache.get("a", lambda pool: pool) is not first


def test_a_larger_graph_takes_the_place_of_smaller_ones_and_they_come_back_beside_it():
    cache = GraphCache("tests", bytes_of=lambda key: key)
    first = cache.get(2, lambda pool: pool)
    second = cache.get(5, lambda pool: pool)
    assert second is not first and list(cache) == [5]
    assert cache.get(2, lambda pool: pool) is second
    assert cache.get(5, lambda pool: pool) is second
    assert sorted(cache) == [2, 5]


def test_a_weight_that_moved_drops_all_graphs():
    layer = nn.Linear(2, 2)
    cache = GraphCache("tests", modules=[layer])
    first = cache.get("a", lambda pool: object())
    assert cache.get("a", lambda pool: object()) is first
    layer.double()
    assert cache.get("b", lambda pool: object()) is not first
    assert list(cache) == ["b"]


def test_the_address_key_tells_a_replaced_weight():
    layer = nn.Linear(2, 2)
    before = weights_address_key(layer)
    assert weights_address_key(layer) == before
    layer.bias = nn.Parameter(torch.zeros(2))
    assert weights_address_key(layer) != before


def test_work_is_done_once_a_call_whether_it_is_captured_or_not(monkeypatch, caplog):
    done = []
    stand_in_for_graphs(monkeypatch)
    run = CaptureOnSecondRun(lambda: done.append(1), "the work", CPU, None)
    for calls in (1, 2, 3):
        run()
        assert len(done) == calls

    def refuse(*_, **__):
        raise RuntimeError("no graphs today")

    monkeypatch.setattr(cuda_graphs, "capture_graph", refuse)
    run = CaptureOnSecondRun(lambda: done.append(1), "the work", CPU, None)
    with caplog.at_level(logging.WARNING):
        for calls in (4, 5, 6):
            run()
            assert len(done) == calls
    assert caplog.text.count("the work cannot be captured (no graphs today)") == 1


def test_what_is_needed_once_is_not_captured(monkeypatch):
    captured = []
    capture = capture_nothing
    monkeypatch.setattr(cuda_graphs, "capture_graph", lambda *given: captured.append(1) or capture(*given))
    x = torch.zeros(2)
    graph = cuda_graphs.CapturedGraph(lambda: x + 1, CPU, GraphPool())
    for calls, graphs in enumerate((0, 1, 1)):
        x.fill_(calls)
        assert torch.equal(graph.replay(), x + 1)
        assert len(captured) == graphs


def test_under_the_stream_ordered_allocator_only_what_allocates_nothing_is_captured(monkeypatch):
    captured = []
    monkeypatch.setattr(cuda_graphs, "is_stream_ordered", lambda: True)
    monkeypatch.setattr(cuda_graphs, "capture_graph", lambda work, *_: captured.append(work) or (Replayed(), None))

    class Replayed:
        def replay(self):
            pass

    graph = cuda_graphs.CapturedGraph(lambda: 3, CPU, GraphPool())
    assert [graph.replay() for _ in range(3)] == [3, 3, 3]
    for allocates in (True, False):
        run = CaptureOnSecondRun(lambda: None, "the work", CPU, GraphPool(), allocates)
        for _ in range(3):
            run()
        assert len(captured) == (not allocates)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_all_captures_of_a_device_use_one_stream():
    x, streams = torch.zeros(4, device="cuda"), set()

    def work():
        streams.add(torch.cuda.current_stream().cuda_stream)
        return x + 1

    for device in (torch.device("cuda"), torch.device("cuda", torch.cuda.current_device())):
        graph = cuda_graphs.CapturedGraph(work, device, GraphPool())
        for _ in range(3):
            x.add_(1)
            assert torch.equal(graph.replay(), x + 1)
    assert len(streams) == 2, "the current one, where it runs the first time, and the one of all captures"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_pool_outlives_the_last_of_its_graphs():
    """What is captured on its second run holds a pool whose other graphs may be gone by then."""
    device, cache = torch.device("cuda"), GraphCache("tests")
    x = torch.zeros(4, device=device)
    first = cache.get("first", lambda pool: cuda_graphs.CapturedGraph(lambda: x + 1, device, pool))
    for _ in range(2):
        first.replay()
    del first
    later = cache.get("later", lambda pool: CaptureOnSecondRun(lambda: x.add_(1), "the work", device, pool))
    cache.drop("first")
    for _ in range(3):
        later()
    assert later._replay is not None and later._replay is not later._work
    assert x.tolist() == [3.0] * 4

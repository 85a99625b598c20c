"""Captured graphs: which are kept, when they are dropped, and what happens where nothing can be captured."""

import logging

import pytest
import torch
from helpers.graphs import stand_in_for_graphs
from indextts2_multitalk.runtime import cuda_graphs
from indextts2_multitalk.runtime.cuda_graphs import CaptureOnSecondRun, GraphCache, weights_address_key
from torch import nn

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _pools(monkeypatch):
    handles = iter(range(100))
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: next(handles))


def test_the_least_recently_used_graph_goes_first():
    cache = GraphCache(capacity=2)
    for key in ("a", "b", "a", "c"):
        cache.get(key, lambda pool: pool)
    assert list(cache) == ["a", "c"]
    assert len(cache) == 2 and "b" not in cache


def test_graphs_of_a_cache_share_a_pool_until_it_is_cleared():
    cache = GraphCache()
    assert cache.get("a", lambda pool: pool) == cache.get("b", lambda pool: pool) == 0
    cache.drop("a")
    assert cache.get("a", lambda pool: pool) == 0
    cache.clear()
    assert not len(cache)
    assert cache.get("a", lambda pool: pool) == 1


def test_a_weight_that_moved_drops_all_graphs():
    layer = nn.Linear(2, 2)
    cache = GraphCache(modules=[layer])
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


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_all_captures_of_a_device_use_one_stream():
    x, streams = torch.zeros(4, device="cuda"), set()

    def work():
        streams.add(torch.cuda.current_stream().cuda_stream)
        return x + 1

    for device in (torch.device("cuda"), torch.device("cuda", torch.cuda.current_device())):
        graph = cuda_graphs.CapturedGraph(work, device, torch.cuda.graph_pool_handle())
        x.add_(1)
        assert torch.equal(graph.replay(), x + 1)
    assert len(streams) == 1

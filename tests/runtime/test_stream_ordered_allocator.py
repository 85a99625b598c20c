"""Graphs under CUDA's stream-ordered allocator, which ComfyUI chooses: what dies there takes the process with it."""

import os
import subprocess
import sys

import pytest
import torch

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

BEGIN = """
import gc, torch
from indextts2_multitalk.runtime.cuda_graphs import CapturedGraph, CaptureOnSecondRun, GraphCache, GraphPool
assert torch.cuda.get_allocator_backend() == "cudaMallocAsync"
device = torch.device("cuda")
x, weight = torch.randn(2048, 512, device=device), torch.randn(512, 512, device=device) / 23

def net(depth):
    y = x
    for _ in range(depth):
        y = torch.tanh(y @ weight)
    return y, y.sum(1)

def check(depth, outputs):
    assert all(map(torch.equal, outputs, net(depth)))
"""

PROGRAMS = {
    "replayed and dropped": """
graph = CapturedGraph(lambda: net(3), device, GraphPool())
for _ in range(3):
    check(3, graph.replay())
del graph
""",
    "captured and never replayed": """
graph = CapturedGraph(lambda: net(3), device, GraphPool())
graph.replay()
torch.cuda.CUDAGraph.replay, replay = lambda self: None, torch.cuda.CUDAGraph.replay
graph.replay()
torch.cuda.CUDAGraph.replay = replay
del graph
""",
    "dropped while it runs": """
cache = GraphCache("tests", capacity=1)
for depth in (400, 1, 300, 2, 200):
    graph = cache.get(depth, lambda pool: CapturedGraph(lambda: net(depth), device, pool))
    for _ in range(3):
        kept = [part.clone() for part in graph.replay()]
    del graph
    cache.clear()
    torch.cuda.empty_cache()
    check(depth, kept)
""",
    "many of one cache": """
cache = GraphCache("tests", capacity=2)
for depth in (1, 2, 3, 1, 2, 4, 3):
    for _ in range(3):
        check(depth, cache.get(depth, lambda pool: CapturedGraph(lambda: net(depth), device, pool)).replay())
""",
    "captured on the second run": """
kept = torch.zeros_like(x)
run = CaptureOnSecondRun(lambda: kept.copy_(net(3)[0]), "the work", device, GraphPool())
for _ in range(4):
    run()
    assert torch.equal(kept, net(3)[0])
""",
    "a capture that fails": """
def fail():
    y = net(3)
    if torch.cuda.is_current_stream_capturing():
        raise ValueError("on purpose")
    return y

for _ in range(2):
    graph = CapturedGraph(fail, device, GraphPool())
    graph.replay()
    try:
        graph.replay()
    except ValueError as error:
        assert str(error) == "on purpose"
    else:
        raise AssertionError("nothing was raised")
gc.collect()
graph = CapturedGraph(lambda: net(2), device, GraphPool())
for _ in range(3):
    check(2, graph.replay())
""",
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_the_process_lives_and_computes_the_same(program: str) -> None:
    text = BEGIN + program + "\ngc.collect()\ntorch.cuda.empty_cache()\ntorch.cuda.synchronize()\n"
    environment = {**os.environ, "PYTORCH_CUDA_ALLOC_CONF": "backend:cudaMallocAsync"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    ran = subprocess.run([sys.executable, "-c", text], env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert "Attempting uncaptured free" not in ran.stderr

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
    "work that allocates is not captured": """
cache = GraphCache("tests", capacity=1)
for depth in (40, 1, 30, 2):
    for _ in range(3):
        graph = cache.get(depth, lambda pool: CapturedGraph(lambda: net(depth), device, pool))
        check(depth, graph.replay())
    assert graph._captured is None
    cache.clear()
""",
    "work that allocates nothing is": """
y, z = x.clone(), torch.empty_like(x)
def work():
    torch.mm(x, weight, out=z)
    y.add_(z)
expected = x.clone()
cache = GraphCache("tests", capacity=1)
run = cache.get(1, lambda pool: CaptureOnSecondRun(work, "the work", device, pool))
for _ in range(5):
    run()
    expected += x @ weight
    assert torch.equal(y, expected)
assert run._replay is not None and run._replay is not work
del run
cache.clear()
""",
    "a capture that fails": """
runs = []
def work():
    outputs = net(3)
    if torch.cuda.is_current_stream_capturing():
        raise RuntimeError("on purpose")
    runs.append(outputs)

run = CaptureOnSecondRun(work, "the work", device, GraphPool())
for _ in range(3):
    run()
gc.collect()
assert len(runs) == 3
for outputs in runs:
    check(3, outputs)
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

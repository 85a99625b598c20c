"""Without a GPU, a "graph" is the work itself: a replay does it again and writes where it wrote."""

from types import SimpleNamespace

import pytest
import torch
from indextts2_multitalk.runtime import cuda_graphs


def capture_nothing(function, device, pool, arena_bytes=0):
    """Stands in for `capture_graph`, of a function that returns a tensor, a tuple of them, or nothing.

    What capturing does already, as nothing else says what is returned, the first replay need not do.
    """
    out, done = function(), [True]

    def replay():
        if done:
            done.clear()
            return
        new = function()
        pairs = zip(*((each,) if torch.is_tensor(each) else each or () for each in (out, new)), strict=True)
        for old, now in pairs:
            old.copy_(now)

    return SimpleNamespace(replay=replay), out


def stand_in_for_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everybody capture without a GPU."""
    monkeypatch.setattr(cuda_graphs, "capture_graph", capture_nothing)

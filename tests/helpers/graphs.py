"""Without a GPU, a "graph" is the work itself: a replay does it again and writes where it wrote."""

from types import ModuleType, SimpleNamespace

import pytest
import torch


def capture(function, device, pool):
    """Stands in for `s2mel.capture.capture`, of a function that returns a tensor or a tuple of them."""
    out = function()

    def replay():
        new = function()
        for old, now in zip(*((each,) if torch.is_tensor(each) else each for each in (out, new)), strict=True):
            old.copy_(now)

    return SimpleNamespace(replay=replay), out


def stand_in_for_graphs(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> None:
    """Let `module`, which captures, do so without a GPU."""
    monkeypatch.setattr(module, "capture", capture)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: 0)

"""Free heap memory leaves the process."""

import sys

import pytest
import torch
from helpers.process_memory import resident_bytes
from indextts2_multitalk.indextts.host_memory import return_free_memory

SMALL, COUNT = 2**16, 1600


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_tensors_are_given_back() -> None:
    """Small ones come from the heap; one in use at its end keeps all that is free below it."""
    held = [torch.ones(SMALL // 4) for _ in range(COUNT)]
    last = torch.ones(SMALL // 4)
    full = resident_bytes()
    held.clear()
    return_free_memory()
    assert resident_bytes() < full - COUNT * SMALL // 2
    assert last.sum() == SMALL // 4


def test_where_the_c_library_has_no_such_call(monkeypatch: pytest.MonkeyPatch) -> None:
    from indextts2_multitalk.indextts import host_memory

    monkeypatch.setattr(sys, "platform", "darwin")
    host_memory._find_trim.cache_clear()
    return_free_memory()
    host_memory._find_trim.cache_clear()

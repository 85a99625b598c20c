"""Whose turn it is to be the current device."""

from contextlib import contextmanager

import torch
from indextts2_multitalk.runtime import current_device
from indextts2_multitalk.runtime.current_device import iterate_on_device, make_current


def test_the_device_is_current_while_items_are_made_and_closed_and_not_between(monkeypatch):
    current, seen = [0], []

    @contextmanager
    def make(device):
        before, current[0] = current[0], device.index
        yield
        current[0] = before

    def items():
        try:
            for number in range(3):
                seen.append(("made", current[0]))
                yield number
        finally:
            seen.append(("closed", current[0]))

    monkeypatch.setattr(current_device, "make_current", make)
    for taken in iterate_on_device(torch.device("cuda", 1), items()):
        seen.append(("used", current[0]))
        if taken == 1:
            break
    run = iterate_on_device(torch.device("cuda", 1), items())
    assert next(run) == 0
    run.close()
    once = [("made", 1), ("used", 0)]
    assert seen == [*once, *once, ("closed", 1), ("made", 1), ("closed", 1)]
    assert list(iterate_on_device(torch.device("cuda", 1), items())) == [0, 1, 2]


def test_other_devices_are_never_current():
    with make_current(torch.device("cpu")):
        pass

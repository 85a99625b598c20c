"""Kernels are noted instead of launched, made ready aside, and whoever waits hears of it or cancels."""

import json
import logging
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from indextts2_multitalk.runtime import kernel_preparation
from indextts2_multitalk.runtime.kernel_preparation import KernelPreparation, noted_launches

CPU = torch.device("cpu")
SCRIPT = Path(__file__).parents[1] / "helpers" / "prepare_kernels.py"


@pytest.fixture(autouse=True)
def triton_runs(monkeypatch):
    monkeypatch.setattr(kernel_preparation, "why_no_triton", lambda device: None)


def prepare(monkeypatch, *kernels):
    """A preparation whose rehearsal launches `kernels`."""

    @contextmanager
    def noted(note):
        for kernel in kernels:
            note(kernel)
        yield

    monkeypatch.setattr(kernel_preparation, "noted_launches", noted)
    return KernelPreparation(lambda: None, CPU)


def test_launches_of_this_thread_are_noted_once_and_skipped():
    knobs = pytest.importorskip("triton.knobs")
    ready, noted, elsewhere = [], [], []

    class Kernel:
        def preload(self, data):
            return SimpleNamespace(run=ready.append(data))

    kernel = Kernel()

    def launch(key):
        return knobs.runtime.jit_cache_hook(
            key=key, repr="", fn=SimpleNamespace(jit_function=kernel), compile={"specialization_data": f"data {key}"}
        )

    with noted_launches(noted.append):
        assert [launch(key) for key in ("a", "b", "a")] == [True] * 3
        other = threading.Thread(target=lambda: elsewhere.append(launch("c")))
        other.start()
        other.join()
    assert elsewhere == [None], "what other threads launch runs"
    assert knobs.runtime.jit_cache_hook is None
    for make_ready in noted:
        make_ready()
    assert ready == ["data a", "data b"]


def test_whoever_waits_hears_how_many_are_ready(monkeypatch):
    go_on, told = threading.Event(), []
    preparation = prepare(monkeypatch, lambda: None, go_on.wait)

    def tell(done, total):
        told.append((done, total))
        if total == 2:
            go_on.set()

    preparation.finish(tell)
    assert told[-1] in ((0, 2), (1, 2))


def test_a_kernel_that_fails_is_left_to_its_launch(monkeypatch, caplog):
    def fail():
        raise RuntimeError("no compiler")

    with caplog.at_level(logging.INFO):
        prepare(monkeypatch, fail).finish()
    assert "no compiler" in caplog.text


def test_a_rehearsal_that_fails_costs_the_preparation_alone(monkeypatch, caplog):
    @contextmanager
    def noted(note):
        yield

    def rehearse():
        raise ValueError("broken rehearsal")

    monkeypatch.setattr(kernel_preparation, "noted_launches", noted)
    with caplog.at_level(logging.WARNING):
        KernelPreparation(rehearse, CPU).finish()
    assert "broken rehearsal" in caplog.text


def test_triton_is_tried_before_launches_are_skipped_and_without_it_nothing_is_rehearsed(monkeypatch):
    monkeypatch.setattr(kernel_preparation, "why_no_triton", lambda device: "too old")
    rehearsed = []
    KernelPreparation(lambda: rehearsed.append(1), CPU).finish()
    assert not rehearsed


def test_waiting_may_be_cancelled(monkeypatch):
    go_on = threading.Event()
    preparation = prepare(monkeypatch, go_on.wait)

    def cancel(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preparation.finish(cancel)
    go_on.set()


def test_what_is_prepared_is_not_compiled_where_it_is_launched():
    pytest.importorskip("triton.knobs")
    run = [sys.executable, SCRIPT]
    result = subprocess.run(run, env={**os.environ, "PYTHONWARNINGS": "ignore"}, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-4000:]
    compiled = json.loads(result.stdout)
    assert compiled["here"] == 0 and compiled["aside"] >= 8

"""A rehearsal launches all that decoding would and leaves no trace; through the interpreter, kernels do run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers.kernel_decoder import weights
from indextts2_multitalk.accel.attention.triton import TritonAttention
from indextts2_multitalk.accel.engine import Engine, EngineOptions
from indextts2_multitalk.accel.kernels import decode_step
from indextts2_multitalk.accel.rehearsal import rehearse_decoding

SCRIPT = Path(__file__).parents[1] / "helpers" / "rehearsed_kernels.py"


@torch.inference_mode()
@pytest.mark.parametrize("beams", [1, 2])
def test_every_step_of_a_run_is_taken_once(beams, monkeypatch):
    rows, step = [], decode_step.DecodeStep.__call__

    def note_rows(self):
        rows.append(self._rows)
        return step(self)

    monkeypatch.setattr(decode_step.DecodeStep, "__call__", note_rows)
    rehearse_decoding(weights(torch.float32, 2, layers=1), TritonAttention(), 3, beams)
    assert rows == [4 * beams], "rows that sum as all planned ones do"


def test_without_graphs_there_is_nothing_to_rehearse(monkeypatch):
    monkeypatch.setattr("indextts2_multitalk.accel.engine.rehearse_decoding", lambda *_: pytest.fail("rehearsed"))
    Engine(weights(torch.float32, 2, layers=1), EngineOptions(graphs=False)).rehearse(4, 1)


@pytest.mark.parametrize(("lines", "beams", "least"), [(1, 3, 12), (16, 1, 12)])
def test_a_run_launches_nothing_else(lines, beams, least):
    pytest.importorskip("triton.knobs")
    run = [sys.executable, SCRIPT, str(lines), str(beams)]
    result = subprocess.run(run, env={**os.environ, "PYTHONWARNINGS": "ignore"}, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-4000:]
    launched = json.loads(result.stdout)
    assert launched["besides"] == []
    assert len(launched["rehearsed"]) >= least

"""A rehearsal launches all that decoding would and leaves no trace; through the interpreter, kernels do run."""

import pytest
import torch
from helpers.kernel_decoder import weights
from indextts2_multitalk.accel.attention.triton import TritonAttention
from indextts2_multitalk.accel.engine import Engine, EngineOptions
from indextts2_multitalk.accel.kernels import decode_step
from indextts2_multitalk.accel.rehearsal import rehearse_decoding


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

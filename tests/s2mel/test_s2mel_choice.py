"""Which operations run the flow, and the words for why."""

import pytest
import torch
from helpers.s2mel import small_model
from indextts2_multitalk.s2mel import runner
from indextts2_multitalk.s2mel.stages import PLAIN

GPU = torch.device("cuda", 0)


@pytest.fixture
def new_gpu(monkeypatch):
    monkeypatch.setattr(runner, "why_no_triton", lambda device: None)


def test_a_cpu_runs_plain_torch():
    assert runner.choose_ops(torch.device("cpu"), torch.float32, 64) == (PLAIN, "on cpu")


def test_float32_runs_plain_torch(new_gpu):
    assert runner.choose_ops(GPU, torch.float32, 64) == (PLAIN, "float32")


def test_a_gpu_without_triton_runs_plain_torch(monkeypatch):
    monkeypatch.setattr(runner, "why_no_triton", lambda device: "triton is not installed")
    assert runner.choose_ops(GPU, torch.float16, 64) == (PLAIN, "triton is not installed")


def test_a_new_gpu_runs_the_kernels_where_they_fit_the_heads(new_gpu):
    fused = pytest.importorskip("indextts2_multitalk.s2mel.fused")
    assert runner.choose_ops(GPU, torch.float16, 64) == (fused.FUSED, "float16")
    ops, reason = runner.choose_ops(GPU, torch.float16, 48)
    assert ops is PLAIN
    assert "48" in reason


@torch.inference_mode()
def test_moved_weights_are_chosen_for_anew():
    model = small_model()
    first = model.choice
    assert model.choice is first
    assert "on cpu" in first.description
    model.to(torch.bfloat16)
    assert model.choice is not first
    model.release()

"""Which operations run the flow, and the words for why."""

import pytest
import torch
from helpers.s2mel import small_model
from indextts2_multitalk.s2mel import choice
from indextts2_multitalk.s2mel.torch_ops import TORCH_OPS

GPU = torch.device("cuda", 0)


@pytest.fixture
def new_gpu(monkeypatch):
    monkeypatch.setattr(choice, "why_no_triton", lambda device: None)


def test_a_cpu_runs_plain_torch():
    assert choice.choose_ops(torch.device("cpu"), torch.float32, 64) == (TORCH_OPS, "on cpu")


def test_float32_runs_plain_torch(new_gpu):
    assert choice.choose_ops(GPU, torch.float32, 64) == (TORCH_OPS, "float32")


def test_a_gpu_without_triton_runs_plain_torch(monkeypatch):
    monkeypatch.setattr(choice, "why_no_triton", lambda device: "triton is not installed")
    assert choice.choose_ops(GPU, torch.float16, 64) == (TORCH_OPS, "triton is not installed")


def test_a_new_gpu_runs_the_kernels_where_they_fit_the_heads(new_gpu):
    fused = pytest.importorskip("indextts2_multitalk.s2mel.triton_ops")
    assert choice.choose_ops(GPU, torch.float16, 64) == (fused.TRITON_OPS, "float16")
    ops, reason = choice.choose_ops(GPU, torch.float16, 48)
    assert ops is TORCH_OPS
    assert "48" in reason


@torch.inference_mode()
def test_moved_weights_are_chosen_for_anew():
    model = small_model()
    first = model.flow_choice
    assert model.flow_choice is first
    assert "on cpu" in first.description
    model.to(torch.bfloat16)
    assert model.flow_choice is not first
    model.release_graphs()

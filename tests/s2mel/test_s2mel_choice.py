"""Which operations run the flow, and the words for why."""

from dataclasses import replace

import pytest
import torch
from helpers.s2mel import small_model
from indextts2_multitalk.s2mel import choice
from indextts2_multitalk.s2mel.stages import EstimatorStages
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


def test_what_is_compiled_instead_of_kernels_is_not_captured(monkeypatch):
    """Compiled stages are plain torch, whose attention takes lines' bounds from the host."""
    monkeypatch.setattr(choice, "choose_ops", lambda *_: (replace(TORCH_OPS, name="kernels"), "float16"))
    monkeypatch.setattr(choice, "why_not_compile", lambda *_: None)
    monkeypatch.setattr(choice, "compile_stages", lambda *_: EstimatorStages(TORCH_OPS))
    estimator = small_model().cfm.estimator
    assert choice.choose_flow(estimator, None).description == "flow: kernels, CUDA graphs (float16); torch.compile off"
    compiled = choice.choose_flow(estimator, choice.CompileRequest())
    assert compiled.description == "flow: plain torch, eager (float16); torch.compile compiled"
    assert compiled.ops is TORCH_OPS

"""Which operations run the flow, and the words for why."""

import pytest
import torch
from helpers.s2mel import small_model
from indextts2_multitalk.s2mel import runner
from indextts2_multitalk.s2mel.stages import PLAIN

GPU = torch.device("cuda", 0)


@pytest.fixture
def new_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))


def test_a_cpu_runs_plain_torch():
    assert runner.choose_ops(torch.device("cpu"), torch.float32, 64) == (PLAIN, "on cpu")


def test_float32_runs_plain_torch(new_gpu):
    assert runner.choose_ops(GPU, torch.float32, 64) == (PLAIN, "float32")


def test_an_old_gpu_runs_plain_torch(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    ops, reason = runner.choose_ops(GPU, torch.float16, 64)
    assert ops is PLAIN
    assert "compute capability 7.5" in reason


def test_triton_that_cannot_build_a_kernel_is_not_used(new_gpu, monkeypatch):
    fused = pytest.importorskip("indextts2_multitalk.s2mel.fused")

    def broken(device):
        raise RuntimeError("Failed to find C compiler.\nPlease specify one")

    monkeypatch.setattr(fused, "try_out", broken)
    ops, reason = runner.choose_ops(GPU, torch.float16, 64)
    assert ops is PLAIN
    assert reason == "Triton does not run here: Failed to find C compiler."


def test_a_new_gpu_runs_the_kernels_where_they_fit_the_heads(new_gpu, monkeypatch):
    fused = pytest.importorskip("indextts2_multitalk.s2mel.fused")
    monkeypatch.setattr(fused, "try_out", lambda device: None)
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

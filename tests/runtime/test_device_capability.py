"""Which devices run Triton kernels, and the words for why not."""

import pytest
import torch
from helpers.kernels import DEVICE, MARKS
from indextts2_multitalk.runtime import device_capability
from indextts2_multitalk.runtime.device_capability import why_no_triton

GPU = torch.device("cuda", 0)


@pytest.fixture
def probe(monkeypatch):
    pytest.importorskip("triton")
    from indextts2_multitalk.runtime import probe_kernel

    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(probe_kernel, "run_probe_kernel", lambda device: None)
    monkeypatch.setattr(device_capability, "_RUN_TRITON", set())
    return probe_kernel


def test_a_new_gpu_runs_triton(probe):
    assert why_no_triton(GPU) is None


def test_an_old_gpu_does_not(probe, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    assert why_no_triton(GPU) == "compute capability 7.5: Triton has no tensor cores before 8.0 (Ampere)"
    monkeypatch.setattr(torch.version, "cuda", None)
    assert why_no_triton(GPU) is None, "ROCm counts otherwise"


def test_triton_that_cannot_build_a_kernel_is_not_used(probe, monkeypatch):
    def broken(device):
        raise RuntimeError("Failed to find C compiler.\nPlease specify one")

    monkeypatch.setattr(probe, "run_probe_kernel", broken)
    assert why_no_triton(GPU) == "Triton does not run here: Failed to find C compiler."
    monkeypatch.setattr(probe, "run_probe_kernel", lambda device: None)
    assert why_no_triton(GPU) is None, "what failed is tried again"
    monkeypatch.setattr(probe, "run_probe_kernel", broken)
    assert why_no_triton(GPU) is None, "what ran is not"


def test_no_triton_is_no_triton(monkeypatch):
    monkeypatch.setattr(device_capability.importlib.util, "find_spec", lambda name: None)
    assert why_no_triton(GPU) == "triton is not installed"


@pytest.mark.parametrize("wrong", [False, True])
def test_the_probe_looks_at_what_its_kernel_wrote(wrong, monkeypatch):
    pytest.importorskip("triton")
    from indextts2_multitalk.runtime import probe_kernel

    if wrong:
        monkeypatch.setattr(probe_kernel, "_store_one", {(1,): lambda out: None})
        with pytest.raises(RuntimeError, match="wrote nothing"):
            probe_kernel.run_probe_kernel(DEVICE)
    else:
        probe_kernel.run_probe_kernel(DEVICE)


pytestmark = MARKS

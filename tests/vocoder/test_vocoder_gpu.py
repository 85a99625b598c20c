"""The vocoder on a CUDA device: kernels and graphs, many lines at once, say what plain float32 says."""

import pytest
import torch
from helpers.vocoder import mel, small_vocoder
from indextts2_multitalk.indextts.vocoder import vocoder

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]


def relative(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return ((actual.cpu() - expected.cpu()).abs().max() / expected.abs().max()).item()


@torch.inference_mode()
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float16, 2e-2)])
def test_kernels_equal_plain_float32(dtype, tolerance):
    lines = [mel("a", 90), mel("b", 200), mel("c", 130)]
    exact = small_vocoder()
    fast = vocoder.Vocoder(small_vocoder().to("cuda", dtype), use_cuda_kernel=True)
    assert "Triton kernels" in fast.description
    for _ in range(2):
        for line, wave in zip(lines, fast.generate_waveforms(lines), strict=True):
            assert relative(wave, exact(line[None])[0]) <= tolerance
        fast.release_graphs()


@torch.inference_mode()
def test_pieces_meet_without_a_seam(monkeypatch):
    fast = vocoder.Vocoder(small_vocoder().to("cuda", torch.float16), use_cuda_kernel=True)
    (whole,) = fast.generate_waveforms([mel("long", 300)])
    monkeypatch.setattr(vocoder, "LONGEST_CHUNK", 100)
    (joined,) = fast.generate_waveforms([mel("long", 300)])
    assert relative(joined, whole) <= 1e-3

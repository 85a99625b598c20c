"""Reference encoders on a CUDA device: graphs agree with the CPU, and never read weights that moved."""

import pytest
import torch
from helpers.seeded import normal
from helpers.tiny_encoders import tiny_encoders, tiny_semantic
from indextts2_multitalk.indextts.conditioning.features import KaldiFilterBank
from indextts2_multitalk.indextts.conditioning.reference_encoder_graphs import ReferenceEncoderGraphs
from indextts2_multitalk.indextts.conditioning.reference_encoders import encode_reference

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]


@pytest.fixture
def encoders(tmp_path):
    return tiny_encoders(tiny_semantic(tmp_path / "w2v-bert-2.0"))


def move(encoders, device):
    for module in encoders.modules:
        module.to(device)


def energies(samples):
    return KaldiFilterBank()(0.1 * torch.from_numpy(normal("input:semantic", (samples,))))


def relative(actual, expected):
    return ((actual.cpu() - expected).abs().max() / expected.abs().max()).item()


@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_graphs_agree_with_the_cpu(encoders, dtype):
    """cuDNN rounds what its convolutions read to ten bits, w2v-bert has none of those."""
    encoders.semantic.to(dtype)
    features = [energies(samples) for samples in (48000, 47840, 8160, 48000)]
    expected = [encode_reference(encoders, one) for one in features]
    move(encoders, "cuda")
    graphs = ReferenceEncoderGraphs(encoders)
    for one, wanted in zip(features, expected, strict=True):
        got = graphs(one.cuda())
        for part, plain in zip(got, graphs(one.cuda(), graphs=False), strict=True):
            assert torch.equal(part, plain), "to the last bit, for the same codes"
        assert relative(got.semantic, wanted.semantic) <= 1e-4
        for name in ("style", "latents", "emotion"):
            assert relative(getattr(got, name), getattr(wanted, name)) <= 1e-2, name
        same = (got.content.cpu() - wanted.content).abs().amax(dim=-1) <= 1e-4
        assert same.float().mean() >= 0.9, "codes of the prompt"
    assert sorted(graphs._graphs) == [256, 512]


@torch.inference_mode()
def test_moved_weights_are_captured_anew(encoders):
    move(encoders, "cuda")
    graphs, one = ReferenceEncoderGraphs(encoders), energies(16000).cuda()
    first = graphs(one)
    move(encoders, "cpu")
    held = torch.randn(1 << 20, device="cuda")
    move(encoders, "cuda")
    for got, before in zip(graphs(one), first, strict=True):
        torch.testing.assert_close(got, before, atol=1e-6, rtol=1e-5)
    assert held.isfinite().all()

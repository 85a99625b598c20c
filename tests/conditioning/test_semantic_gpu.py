"""w2v-bert on a CUDA device: graphs say what the CPU says, and never read weights that moved."""

import pytest
import torch
from helpers.seeded import normal
from helpers.tiny_models import write_w2v_bert
from indextts2_multitalk.indextts.conditioning import semantic
from indextts2_multitalk.indextts.conditioning.features import KaldiFilterBank
from indextts2_multitalk.indextts.conditioning.semantic_graphs import SemanticGraphs
from safetensors.torch import load_file

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
LAYERS = 3


@pytest.fixture
def encoder(tmp_path):
    folder = write_w2v_bert(tmp_path, hidden_size=64, layers=LAYERS)
    encoder = semantic.SemanticEncoder.from_folder(folder, LAYERS)
    statistics = {"mean": torch.zeros(64), "var": torch.ones(64)}
    encoder.load_state_dict(semantic.rename(load_file(folder / "model.safetensors"), statistics, LAYERS))
    return encoder.requires_grad_(False)


def energies(samples):
    return KaldiFilterBank()(0.1 * torch.from_numpy(normal("input:semantic", (samples,))))


def relative(actual, expected):
    return ((actual.cpu() - expected).abs().max() / expected.abs().max()).item()


@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_graphs_say_what_the_cpu_says(encoder, dtype):
    heard = [energies(samples) for samples in (48000, 47840, 8160, 48000)]
    expected = [encoder.to(dtype)(one) for one in heard]
    graphs = SemanticGraphs(encoder.to("cuda"))
    for one, wanted in zip(heard, expected, strict=True):
        assert relative(graphs(one.cuda()), wanted) <= 1e-4
    assert sorted(graphs._captured) == [128, 256]


@torch.inference_mode()
def test_moved_weights_are_captured_anew(encoder):
    graphs, one = SemanticGraphs(encoder.to("cuda")), energies(16000).cuda()
    first = graphs(one)
    encoder.to("cpu")
    held = torch.randn(1 << 20, device="cuda")
    encoder.to("cuda")
    assert torch.equal(graphs(one), first)
    assert held.isfinite().all()

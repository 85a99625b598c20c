"""Padding changes no reference features; CUDA graphs serve all lengths of a padded size."""

import pytest
import torch
from helpers.graphs import stand_in_for_graphs
from helpers.seeded import normal
from helpers.tiny_encoders import tiny_encoders, tiny_semantic
from indextts2_multitalk.indextts.conditioning import reference_encoder_graphs
from indextts2_multitalk.indextts.conditioning.features import KaldiFilterBank
from indextts2_multitalk.indextts.conditioning.reference_encoders import encode_reference
from torch.nn.functional import pad

NAMES = ("semantic", "content", "style", "speaker", "emotion")


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    return tiny_encoders(tiny_semantic(tmp_path_factory.mktemp("w2v-bert-2.0")))


def energies(samples, name="listening"):
    return KaldiFilterBank()(0.1 * torch.from_numpy(normal(f"input:{name}", (samples,))))


def agree(features, alone):
    """Each part by itself: a mask that leaks in one place must not hide behind the others' size."""
    for name in NAMES:
        got, expected = getattr(features, name), getattr(alone, name)
        assert got.shape == expected.shape, name
        assert ((got - expected).abs().max() / expected.abs().max()).item() <= 2e-5, name


@torch.inference_mode()
@pytest.mark.parametrize("frames", [37, 100, 201, 333])
@pytest.mark.parametrize("padding", [1, 64, 407])
def test_padding_changes_no_features(encoders, frames, padding):
    """Odd numbers of frames leave half a token, and 201 half a segment of CAMPPlus's."""
    one = energies(240 + 160 * frames)
    assert len(one) == frames
    size = frames + padding + (frames + padding) % 2
    noise = pad(one, (0, 0, 0, size - frames), value=1e3)
    features = encode_reference(encoders, noise, torch.arange(size) >= frames)
    tokens = -(-frames // 2)
    agree(features._replace(semantic=features.semantic[:, :tokens], content=features.content[:, :tokens]),
          encode_reference(encoders, one))  # fmt: skip


@torch.inference_mode()
def test_a_mask_without_padding_changes_nothing(encoders):
    one = energies(240 + 160 * 150)
    agree(encode_reference(encoders, one, torch.zeros(150, dtype=torch.bool)), encode_reference(encoders, one))


@torch.inference_mode()
def test_graphs_serve_all_lengths_of_a_padded_size(encoders, monkeypatch):
    """Without a GPU, a "graph" is the work itself."""
    stand_in_for_graphs(monkeypatch)
    monkeypatch.setattr(reference_encoder_graphs, "ROUND_FRAMES", 32)
    graphs, kept = reference_encoder_graphs.ReferenceEncoderGraphs(encoders), []
    for number, samples in enumerate((8160, 7000, 5200, 8000, 8160)):
        one = energies(samples, str(number))
        plain = reference_encoder_graphs._PaddedRecording(encoders, one).encode()
        kept.append((graphs.replay(one), plain, encode_reference(encoders, one)))
    for features, plain, alone in kept:
        agree(features, alone)
        assert all(torch.equal(*pair) for pair in zip(features, plain, strict=True))
    assert sorted(graphs._graphs) == [32, 64]
    encoders.campplus.double()
    graphs.replay(one)
    assert sorted(graphs._graphs) == [64]
    encoders.campplus.float()
    graphs.release()
    assert not graphs._graphs

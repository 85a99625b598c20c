"""The vocoder on many lines: chunks meet without a seam, company changes nothing, kernels and plain torch agree."""

import pytest
import torch
from helpers.vocoder import mel, small_vocoder
from indextts2_multitalk.indextts.config import BigVGANConfig
from indextts2_multitalk.indextts.errors import ConfigError
from indextts2_multitalk.indextts.vocoder import vocoder
from indextts2_multitalk.indextts.vocoder.bigvgan import BigVGAN
from indextts2_multitalk.indextts.vocoder.chunks import receptive_field_frames, split_mel

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture(autouse=True)
def exact():
    """cuDNN would round float32 convolutions to TF32."""
    with torch.backends.cudnn.flags(enabled=False):
        yield


@pytest.fixture
def model() -> BigVGAN:
    return small_vocoder()


def relative(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return ((actual - expected).abs().max() / expected.abs().max()).item()


@torch.inference_mode()
def test_pieces_meet_without_a_seam(model, monkeypatch):
    whole = mel("long", 150)
    expected = model(whole[None])[0]
    monkeypatch.setattr(vocoder, "LONGEST_CHUNK", 40)
    (wave,) = vocoder.Vocoder(model, use_cuda_kernel=False).generate_waveforms([whole])
    assert wave.shape == (1, 150 * model.hop_length)
    assert relative(wave, expected) <= 1e-6


@torch.inference_mode()
def test_the_reach_is_no_shorter_than_what_a_frame_changes(model):
    reach = receptive_field_frames(model.config)
    one, other = mel("a", 121), mel("a", 121)
    other[:, 60] += 1.0
    changed = (model(one[None]) != model(other[None]))[0, 0].nonzero()
    assert changed.min() >= (60 - reach) * model.hop_length
    assert changed.max() < (60 + reach + 1) * model.hop_length


@torch.inference_mode()
def test_lines_come_back_in_their_order(model):
    lines = [mel("a", 9), mel("b", 40), mel("c", 21)]
    waves = vocoder.Vocoder(model, use_cuda_kernel=True).generate_waveforms(lines)
    for line, wave in zip(lines, waves, strict=True):
        assert relative(wave, model(line[None])[0]) <= 1e-6


@torch.inference_mode()
def test_kernels_equal_plain_torch(model):
    pytest.importorskip("triton")
    from indextts2_multitalk.indextts.vocoder.channels_last import ChannelsLastBigVGAN

    model.to(DEVICE)
    lines = [mel("a", 5).to(DEVICE), mel("b", 3).to(DEVICE)]
    expected = [model(line[None])[0, 0] for line in lines]
    batch = torch.full((2, 6, 80), float("nan"), device=DEVICE)
    for place, line in zip(batch, lines, strict=True):
        place[: line.shape[1]] = line.T
    waves = ChannelsLastBigVGAN(model)(batch, torch.tensor([5, 3], dtype=torch.int32, device=DEVICE))
    assert waves.dtype is torch.float32
    for wave, whole in zip(waves, expected, strict=True):
        assert relative(wave[: len(whole)], whole) <= 1e-4
    assert relative(model(lines[0][None])[0, 0], expected[0]) <= 1e-6


@torch.inference_mode()
def test_a_model_made_under_inference_mode_still_runs_plainly_after_the_kernels_took_its_weights():
    pytest.importorskip("triton")
    from indextts2_multitalk.indextts.vocoder.channels_last import ChannelsLastBigVGAN

    model = small_vocoder()
    names, expected = set(model.state_dict()), model(mel("a", 5)[None])
    ChannelsLastBigVGAN(model)
    assert relative(model(mel("a", 5)[None]), expected) <= 1e-6
    assert {name for name, _ in model.named_parameters()} == names


def test_pieces_cover_every_frame_once():
    for frames in (1, 39, 40, 41, 200):
        chunks = split_mel(3, torch.zeros(80, frames), longest=40, reach=6)
        assert [(p.start, p.end) for p in chunks] == sorted((p.start, p.end) for p in chunks)
        assert sum(p.end - p.start for p in chunks) == frames
        assert all(p.end - p.start <= 40 and p.mel.shape[1] <= 52 and p.line == 3 for p in chunks)


def test_batches_are_bounded_and_alike():
    chunks = [split_mel(n, torch.zeros(80, frames), 60, 0)[0] for n, frames in enumerate((10, 50, 48, 49, 9, 60))]
    batches = list(vocoder.batch_chunks(chunks, 100))
    assert sorted(p.line for batch in batches for p in batch) == list(range(6))
    for batch in batches:
        longest = max(p.mel.shape[1] for p in batch)
        assert longest * len(batch) <= 100
        assert min(p.mel.shape[1] for p in batch) >= 0.75 * longest


def test_what_runs_is_said(model):
    assert "use_cuda_kernel is off" in vocoder.Vocoder(model, use_cuda_kernel=False).description
    assert "on cpu" in vocoder.Vocoder(model, use_cuda_kernel=True).description


def test_another_generator_is_refused():
    config = small_vocoder().config.model_copy(update={"resblock": "2"})
    with pytest.raises(ConfigError, match="resblock"):
        BigVGAN(BigVGANConfig.model_validate(config.model_dump()))

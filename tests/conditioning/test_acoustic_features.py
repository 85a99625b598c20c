"""Filter banks and SeamlessM4T features; the golden figures are in tests/parity."""

import numpy as np
import pytest
import torch
from helpers.seeded import normal
from indextts2_multitalk.indextts.conditioning.features import (
    KaldiFilterBank,
    MelSpectrogram,
    kaldi_bank,
    load_slaney_bank,
    log_energies,
    seamless_features,
    subtract_mean,
)
from transformers import SeamlessM4TFeatureExtractor


@pytest.mark.parametrize("samples", [4800, 5000, 16000, 16161, 48000])
def test_semantic_input_equals_the_hugging_face_extractor(samples):
    wave = 0.1 * torch.from_numpy(normal("input:seamless", (samples,)))
    extractor = SeamlessM4TFeatureExtractor(padding_value=1)
    wanted = extractor(wave.numpy(), sampling_rate=16000, return_tensors="pt")

    features, mask = seamless_features(KaldiFilterBank()(wave), stride=2, padding_value=1.0)

    assert features.shape == wanted["input_features"].shape
    assert (features - wanted["input_features"]).abs().max() < 1e-3
    assert mask.int().tolist() == wanted["attention_mask"][0].tolist()


def test_a_frame_short_of_a_token_counts_as_padding():
    energies = torch.rand(7, 80) + 0.1
    features, mask = seamless_features(energies, stride=2, padding_value=5.0)
    assert features.shape == (1, 4, 160)
    assert mask.tolist() == [True, True, True, False]
    assert (features[0, -1, 80:] == 5.0).all()


def test_every_frame_and_band_is_finite_even_where_there_is_no_sound():
    wave = torch.cat((torch.zeros(8000), 0.1 * torch.from_numpy(normal("input:late", (8000,)))))
    energies = KaldiFilterBank()(wave)
    assert torch.isfinite(log_energies(energies)).all()
    assert torch.isfinite(seamless_features(energies)[0]).all()
    assert torch.isfinite(MelSpectrogram()(wave)).all()


def test_centred_features_have_no_mean():
    fbank = torch.from_numpy(normal("input:fbank", (50, 80)))
    assert subtract_mean(fbank).mean(dim=0).abs().max() < 1e-6


def test_the_slaney_bank_is_what_librosa_makes():
    """Rounded once from librosa's float64; its own float32 multiplies rounded numbers and is 2e-9 off."""
    filters = pytest.importorskip("librosa.filters", exc_type=ImportError)
    wanted = filters.mel(sr=22050, n_fft=1024, n_mels=80, dtype=np.float64)
    bank = load_slaney_bank().numpy()
    assert np.array_equal(bank, wanted.astype(np.float32))
    assert np.abs(bank - filters.mel(sr=22050, n_fft=1024, n_mels=80)).max() < 1e-7


def test_kaldi_bands_start_at_20_hz_and_end_at_nyquist():
    bank = kaldi_bank(80, 512, 16000)
    assert bank.shape == (80, 257)
    assert bank[:, 0].eq(0).all()
    assert bank[:, -1].abs().max() < 1e-6
    assert (bank.sum(dim=1) > 0).all()


def test_tables_are_real_even_on_the_meta_device():
    with torch.device("meta"):
        modules = (MelSpectrogram(), KaldiFilterBank())
    assert not any(buffer.is_meta for module in modules for buffer in module.buffers())

"""Reference recordings: what is refused, in which words, and what the models are given."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from indextts2_multitalk.indextts.conditioning.recording_notes import describe_recording
from indextts2_multitalk.indextts.conditioning.reference import (
    BOOST_PEAK,
    BOOST_RMS,
    hash_audio,
    prepare_reference,
    take_excerpt,
)
from indextts2_multitalk.indextts.errors import AudioError
from indextts2_multitalk.indextts.records import Audio


def tone(seconds=1.0, rate=16000, channels=1, level=0.3, hz=220.0):
    time = torch.arange(round(seconds * rate)) / rate
    return Audio((level * torch.sin(2 * math.pi * hz * time)).repeat(channels, 1), rate)


def seeded_noise(shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


def with_samples(values):
    audio = tone()
    audio.samples[0, 100 : 100 + len(values)] = torch.tensor(values)
    return audio


@pytest.mark.parametrize(
    ("audio", "words"),
    [
        (None, "got None"),
        (Audio(torch.zeros(1, 0), 16000), "zero length"),
        (Audio(torch.zeros(0, 100), 16000), "zero length"),
        (Audio(torch.zeros(16000), 16000), r"shape \(16000,\), expected a tensor \[channels, samples\]"),
        (Audio([0.0], 16000), "got list"),
        (Audio(torch.zeros(1, 16000), 0), "sample rate of 0 Hz"),
        (Audio(torch.zeros(1, 16000), 16000), "silence"),
        (tone(level=1e-5), "silence"),
        (tone(seconds=0.2), r"0\.20 s of sound, expected at least 0\.3 s"),
        (with_samples([math.nan, math.inf]), "2 samples that are NaN or infinite"),
    ],
)
def test_audio_that_cannot_serve_is_refused_with_a_remedy(audio, words):
    with pytest.raises(AudioError, match=words) as refused:
        prepare_reference(audio)
    assert "3 to 15 seconds of clean speech" in str(refused.value)


@pytest.mark.parametrize("boost", [False, True])
def test_a_silent_start_is_skipped(boost):
    late = torch.cat((torch.zeros(1, 16 * 8000), tone(3.7, rate=8000).samples), dim=1)
    audio = Audio(late + 0.001 * seeded_noise(late.shape), 8000)
    assert prepare_reference(audio, boost).samples.shape[0] / 8000 == pytest.approx(3.8, abs=0.05)
    assert describe_recording(audio) == ["is 19.7 s long; 15.9 s to 19.7 s are used"]


def test_13_seconds_of_silence_leave_all_of_the_speech():
    audio = Audio(torch.cat((torch.zeros(1, 13 * 16000), tone(3.7).samples), dim=1), 16000)
    assert prepare_reference(audio, boost=True).samples.shape[0] / 16000 == pytest.approx(3.75, abs=0.06)


@pytest.mark.parametrize("seconds", [0.5, 0.9])
def test_a_short_pause_before_long_speech_stays(seconds):
    audio = Audio(torch.cat((torch.zeros(1, round(seconds * 8000)), tone(20, rate=8000).samples), dim=1), 8000)
    assert torch.equal(take_excerpt(audio).samples, audio.samples[:, : 15 * 8000])


@pytest.mark.parametrize("share", [1.0, 0.9, 0.6])
def test_channels_in_antiphase_are_not_added(share):
    left = tone().samples
    audio = Audio(torch.cat((left, -share * left)), 16000)
    assert torch.equal(prepare_reference(audio).samples, left[0])
    assert "antiphase" in describe_recording(audio)[0]


@pytest.mark.parametrize(
    "other", [lambda x: x, torch.zeros_like, lambda x: -0.2 * x, lambda x: 0.3 * seeded_noise(x.shape)]
)
def test_other_channels_are_mixed(other):
    left = tone().samples
    audio = Audio(torch.cat((left, other(left))), 16000)
    assert torch.equal(prepare_reference(audio).samples, audio.samples.mean(0))
    assert describe_recording(audio) == []


@pytest.mark.parametrize("boost", [False, True])
def test_an_offset_is_taken_away(boost):
    audio = tone(level=0.3)
    reference = prepare_reference(Audio(audio.samples + 0.5, 16000), boost)
    assert abs(reference.samples.mean().item()) < 1e-4
    wanted = BOOST_RMS if boost else 0.3 / math.sqrt(2)
    assert reference.samples.square().mean().sqrt().item() == pytest.approx(wanted, rel=0.02)
    assert describe_recording(Audio(audio.samples + 0.5, 16000)) == [
        "stands 0.50 of full scale off zero (a DC offset), which is taken away"
    ]


@pytest.mark.parametrize(("noise", "noisy"), [(0.1, True), (0.05, True), (0.01, False), (0.0, False)])
def test_noise_is_told_of(noise, noisy):
    speech = tone(4).samples * (torch.arange(64000) // 8000 % 2)
    notes = describe_recording(Audio(speech + noise * seeded_noise(speech.shape), 16000))
    assert ["noisy" in note for note in notes] == [True] * noisy


@settings(max_examples=25)
@given(
    rate=st.sampled_from([8000, 11025, 16000, 22050, 24000, 44100, 48000, 96000]),
    channels=st.integers(1, 6),
    seconds=st.floats(0.35, 2.0),
)
def test_any_rate_and_channel_count_becomes_mono_at_both_rates(rate, channels, seconds):
    reference = prepare_reference(tone(seconds, rate, channels))
    for wave, to_rate in ((reference.samples_16k, 16000), (reference.samples_22k, 22050)):
        assert wave.dtype == torch.float32
        assert wave.ndim == 1
        assert abs(wave.shape[0] / to_rate - seconds) < 2 / rate + 2 / to_rate
        middle = wave[len(wave) // 4 : -len(wave) // 4]
        assert middle.abs().max().item() == pytest.approx(0.3, abs=0.01)


def test_resampling_keeps_the_tone():
    wave = prepare_reference(tone(rate=44100, hz=1000.0)).samples_16k
    wanted = tone(rate=16000, hz=1000.0).samples[0]
    assert (wave - wanted)[800:-800].abs().max() < 1e-3


def test_only_the_first_15_seconds_are_used():
    long = tone(seconds=40, rate=8000)
    reference = prepare_reference(long)
    assert reference.samples_16k.shape == (15 * 16000,)
    assert hash_audio(take_excerpt(long)) == hash_audio(take_excerpt(Audio(long.samples[:, : 15 * 8000], 8000)))


def test_a_fingerprint_tells_content_rate_and_layout_apart():
    base = tone()
    others = [tone(level=0.31), Audio(base.samples, 16001), Audio(base.samples.view(2, -1), 16000)]
    names = {hash_audio(take_excerpt(audio)) for audio in (base, *others)}
    assert len(names) == 4
    assert hash_audio(take_excerpt(tone())) == hash_audio(take_excerpt(base))


def test_clipped_audio_is_used_with_a_note():
    clipped = Audio((5 * tone().samples).clamp(-1, 1), 16000)
    reference = prepare_reference(clipped)
    assert "is clipped: 53.8 %" in describe_recording(clipped)[0]
    assert reference.samples_16k.shape == (16000,)


def test_audio_beyond_full_scale_is_scaled_back():
    loud = Audio(tone(level=0.5).samples * 2.0**15, 16000)
    wave = prepare_reference(loud).samples_16k
    assert "clipped" in describe_recording(loud)[0]
    assert wave.abs().max().item() == pytest.approx(1.0)


def test_clean_audio_is_left_as_it_is():
    audio = tone()
    assert torch.equal(prepare_reference(audio).samples_16k, audio.samples[0])
    assert describe_recording(audio) == []


def test_boost_trims_silence_and_levels_speech():
    rate = 16000
    quiet = torch.cat((torch.zeros(1, rate), tone(1.0, rate, level=0.02).samples, torch.zeros(1, 2 * rate)), dim=1)
    wave = prepare_reference(Audio(quiet, rate), boost=True).samples_16k
    assert 1.0 <= wave.shape[0] / rate <= 1.3
    assert wave[rate // 2 : rate].square().mean().sqrt().item() == pytest.approx(BOOST_RMS, rel=0.05)


def test_boost_never_clips():
    audio = tone(level=0.01)
    audio.samples[0, 8000] = 0.9
    assert prepare_reference(audio, boost=True).samples_16k.abs().max() <= BOOST_PEAK + 1e-6


def test_boost_of_a_click_leaves_too_little():
    click = torch.zeros(1, 16000)
    click[0, 8000:8050] = 0.5
    with pytest.raises(AudioError, match="of sound, expected at least"):
        prepare_reference(Audio(click, 16000), boost=True)

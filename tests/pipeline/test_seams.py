"""Segments of one line, joined: level, pause and no click."""

import pytest
import torch
from indextts2_multitalk.indextts.records import OUTPUT_SAMPLE_RATE
from indextts2_multitalk.indextts.seams import join_segments

SECOND = OUTPUT_SAMPLE_RATE


def tone(seconds: float, amplitude: float, quiet: float = 0.0) -> torch.Tensor:
    """A tone with `quiet` seconds of silence on either side, [1, N]."""
    time = torch.arange(round(seconds * SECOND)) / SECOND
    silence = torch.zeros(round(quiet * SECOND))
    return torch.cat([silence, amplitude * torch.sin(2 * torch.pi * 220 * time), silence])[None]


def rms(wave: torch.Tensor) -> float:
    return float(wave.square().mean().sqrt())


def test_a_segment_alone_stays_as_it_is():
    wave = tone(0.5, 0.3, quiet=0.4)
    assert join_segments([wave], 0.2) is wave


@pytest.mark.parametrize("quiet", [0.0, 0.5])
def test_the_pause_is_short_whatever_quiet_the_segments_have(quiet):
    joined = join_segments([tone(1, 0.3, quiet), tone(1, 0.3, quiet)], 0.2)
    loud = (joined[0].abs() > 0.01).nonzero()[:, 0]
    pause = int((loud[1:] - loud[:-1]).max()) / SECOND
    assert 0.19 <= pause <= 0.33
    assert joined.shape[1] == pytest.approx((2 + 2 * quiet + pause) * SECOND, abs=0.01 * SECOND)


def test_levels_meet_between():
    loud, soft = tone(1, 0.4), tone(1, 0.2)
    joined = join_segments([loud, soft], 0.2)
    first, second = joined[:, : SECOND // 2], joined[:, -SECOND // 2 :]
    assert rms(first) == pytest.approx(rms(second), rel=0.01)
    assert rms(loud) > rms(first) > rms(soft)


def test_a_level_is_moved_by_six_decibels_at_most_and_never_clips():
    whisper = join_segments([tone(1, 0.001), tone(1, 0.9)], 0.2)
    assert float(whisper[:, : SECOND // 2].abs().max()) == pytest.approx(0.002, rel=0.02)
    spiky = tone(1, 0.1)
    spiky[0, 100] = 0.95
    assert float(join_segments([spiky, tone(3, 0.9)], 0.2).abs().max()) <= 1.0


def test_seams_do_not_click():
    joined = join_segments([torch.full((1, SECOND), 0.5), torch.full((1, SECOND), 0.5)], 0.2)
    assert float((joined[0, 1:] - joined[0, :-1]).abs().max()) < 0.01


def test_silent_and_empty_segments_are_joined_too():
    empty, silent = torch.zeros(1, 0), torch.zeros(1, 300)
    joined = join_segments([tone(1, 0.3), empty, silent], 0.1)
    assert joined.shape[1] == SECOND + 2 * round(0.1 * SECOND) + 300
    assert join_segments([empty, empty], 0.0).shape == (1, 0)

"""Lines of subtitles are as long as these, at a speed within the limits, whatever the order they are decoded in."""

from dataclasses import replace

import pytest
import torch
from indextts2_multitalk.accel.request import Finished
from indextts2_multitalk.indextts.dialogue.timeline import assemble_timeline
from indextts2_multitalk.indextts.dubbing import choose_speed, fit_segments
from indextts2_multitalk.indextts.options import SpeakOptions
from indextts2_multitalk.indextts.records import OUTPUT_SAMPLE_RATE, Line
from indextts2_multitalk.indextts.segments import DecodedSegment, Segment

FRAME = 256 / OUTPUT_SAMPLE_RATE


def make_parts(place: int, codes: list[int], wished: float | None) -> list[DecodedSegment]:
    line = Line(place, "A", "a", wished_seconds=wished, speed=1.1)
    return [
        DecodedSegment(
            Segment(place, part, line, (1,), None, torch.zeros(1)),
            torch.zeros(1, 1),
            Finished(0, torch.zeros(count, dtype=torch.int64), finished=True),
        )
        for part, count in enumerate(codes)
    ]


def test_a_line_waits_for_its_segments_and_others_do_not():
    slow, plain, single = make_parts(0, [50, 50], 2.2), make_parts(1, [50, 50], None), make_parts(2, [50], 0.5)
    decoded = [slow[1], plain[0], single[0], slow[0], plain[1]]
    fitted = list(fit_segments(decoded, [item.segment for item in decoded], SpeakOptions(), 1.72))
    assert [(item.segment.place, item.segment.part) for item in fitted] == [(1, 0), (2, 0), (0, 1), (0, 0), (1, 1)]
    assert [round(item.segment.line.speed, 3) for item in fitted] == [1.1, 1.4, 0.998, 0.998, 1.1]


@pytest.mark.parametrize(
    ("codes", "wished", "limits", "speed"),
    [
        ([50], 0.9984, (0.7, 1.4), 1.0),
        ([50], 0.01, (0.7, 1.4), 1.4),
        ([50], 60.0, (0.7, 1.4), 0.7),
        ([50, 50], 0.1, (0.7, 1.4), 1.4),
        ([50], 0.4992, (0.5, 3.0), 2.0),
        ([50], 0.4992, (1.0, 1.0), 1.0),
    ],
)
def test_one_speed_within_the_limits(codes, wished, limits, speed):
    assert abs(choose_speed(make_parts(0, codes, wished), SpeakOptions(fit_speeds=limits), 1.72) - speed) < 1e-3


@pytest.mark.parametrize("share", [0.8, 0.9, 1.1, 1.3])
def test_a_take_is_as_long_as_was_wished(pipeline, lines, options, codes, share):
    before = pipeline.speak(lines, options)
    natural = list(before)
    wished = natural[1].seconds * share
    takes = list(pipeline.speak([lines[0], replace(lines[1], wished_seconds=wished), lines[2]], options))
    assert wished - 2 * FRAME < takes[1].seconds <= wished
    assert codes(takes) == codes(natural)
    assert takes[1].line.speed == 1.0
    for place in (0, 2):
        assert takes[place].seconds == natural[place].seconds


def test_several_segments_share_a_length(pipeline, lines, options):
    cut = replace(options, max_segment_tokens=5)
    natural = next(iter(pipeline.speak(lines[1:2], cut)))
    wished = natural.seconds * 1.2
    take = next(iter(pipeline.speak([replace(lines[1], wished_seconds=wished)], cut)))
    assert len(take.codes) > 1
    assert take.seconds <= wished + 2 * FRAME


@pytest.mark.parametrize("share", [0.45, 0.52, 0.8, 1.0, 1.37, 1.98, 2.5])
def test_a_length_that_the_script_fixes_is_met_within_a_frame(pipeline, lines, options, share):
    """Whatever the segments, at a speed from 0.5 to 2; the subtitles' own limits do not count."""
    cut = replace(options, max_segment_tokens=5)
    natural = next(iter(pipeline.speak(lines[1:2], cut)))
    pauses = cut.segment_silence_seconds * (len(natural.codes) - 1)
    asked = (natural.seconds - pauses) * share + pauses
    line = replace(lines[1], fixed_seconds=asked, wished_seconds=0.01)
    (take,) = pipeline.speak([line], cut)
    assert len(take.codes) > 1
    if 0.5 < share < 2:
        assert -FRAME < take.seconds - asked <= 1e-6
        assert assemble_timeline([take], 0).notes == ()
    else:
        limits = [(natural.seconds - pauses) / speed + pauses for speed in (0.5, 2.0)]
        assert min(abs(take.seconds - limit) for limit in limits) < 4 * FRAME
    if share in (0.45, 2.5):
        assert f"s long, not {asked:.2f} s: its speed is from 0.5 to 2" in assemble_timeline([take], 0).notes[0]


def test_a_line_without_letters_is_as_long_as_the_script_says(pipeline, lines, options):
    (take,) = pipeline.speak([replace(lines[0], text="…", fixed_seconds=1.25)], options)
    assert take.seconds == pytest.approx(1.25, abs=1e-3)


@pytest.mark.parametrize("limits", [(1.5, 1.0), (0.0, 1.0), (0.7, 9.0)])
def test_limits_that_cannot_be_are_refused(limits):
    with pytest.raises(ValueError, match="fit_speeds: got"):
        SpeakOptions(fit_speeds=limits)

import html
from itertools import pairwise

import pytest
import srt
import torch
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.dialogue.script import parse_script
from indextts2_multitalk.indextts.dialogue.subtitle_writer import to_srt, to_vtt
from indextts2_multitalk.indextts.dialogue.timeline import (
    TIMINGS,
    assemble_timeline,
    fit_lines,
)
from indextts2_multitalk.indextts.records import Line, Take

RATE = 1000
SECONDS = st.one_of(st.none(), st.floats(0, 0.05))


def take(samples, speaker="A", **fields):
    line = Line(index=0, speaker=speaker, text=f"{speaker} says", **fields)
    return Take(line, torch.ones(1, samples), codes=(), sample_rate=RATE)


def starts(timeline):
    return [cue.start for cue in timeline.cues]


def test_silences():
    takes = [
        take(100),
        take(100, "B"),
        take(100, pause_after=0.3),
        take(100, pause_before=0.2),
        take(100, pause_after=9),
    ]
    timeline = assemble_timeline(takes, 0.5, {"B": 0.1})
    assert starts(timeline) == [0.0, 0.6, 0.8, 1.4, 2.0]
    assert timeline.waveform.shape == (1, 2100)


def test_subtitle_times_are_the_earliest_a_line_starts():
    takes = [take(100, start_seconds=1.0), take(2000, start_seconds=3.0), take(100, start_seconds=4.0)]
    assert starts(assemble_timeline(takes, 0.5)) == [1.0, 3.0, 5.0]


def test_stems_are_silent_where_others_speak():
    timeline = assemble_timeline([take(100), take(50, "B"), take(10)], 0.1)
    stems = timeline.split_stems()
    assert [stem.sum().item() for stem in stems.values()] == [110, 50]
    assert stems["B"][0, 200:250].min() == 1


@given(
    st.lists(st.tuples(st.integers(1, 40), st.sampled_from("AB"), SECONDS, SECONDS, SECONDS), min_size=1, max_size=9)
)
def test_time_adds_up(drawn):
    takes = [
        take(samples, speaker, pause_before=before, pause_after=after, start_seconds=start)
        for samples, speaker, before, after, start in drawn
    ]
    timeline = assemble_timeline(takes, 0.02, {"A": 0.03})
    cues = timeline.cues
    lengths = [round((cue.end - cue.start) * RATE) for cue in cues]
    gaps = [round((second.start - first.end) * RATE) for first, second in pairwise(cues)]
    assert lengths == [samples for samples, *_ in drawn]
    assert all(gap >= 0 for gap in gaps)
    assert round(cues[0].start * RATE) + sum(lengths) + sum(gaps) == timeline.waveform.shape[1]
    assert timeline.waveform.sum() == sum(lengths)
    assert torch.equal(torch.stack(list(timeline.split_stems().values())).sum(0), timeline.waveform)


def test_subtitles_say_who_speaks_and_can_be_read_again():
    timeline = assemble_timeline([take(1500, "Alice"), take(500, "小红")], 0.5)
    subtitles = to_srt(timeline)
    assert [(s.content, s.start.total_seconds(), s.end.total_seconds()) for s in srt.parse(subtitles)] == [
        ("Alice: Alice says", 0.0, 1.5),
        ("小红: 小红 says", 2.0, 2.5),
    ]
    lines = parse_script(subtitles, ["Alice", "小红"])
    assert [(line.speaker, line.start_seconds) for line in lines] == [("Alice", 0.0), ("小红", 2.0)]
    assert "A says" in to_srt(assemble_timeline([take(10)], 0.5))
    assert "A:" not in to_srt(assemble_timeline([take(10)], 0.5))


@pytest.mark.parametrize("takes", [[], [take(1), Take(Line(0, "A", "x"), torch.ones(1, 1), (), sample_rate=16000)]])
def test_takes_of_one_rate_are_needed(takes):
    with pytest.raises(ValueError, match="expected takes of one sample rate"):
        assemble_timeline(takes, 0.5)


def cue(start, seconds, slot, **fields):
    return take(round(seconds * RATE), start_seconds=start, slot_seconds=slot, **fields)


@pytest.mark.parametrize(
    ("timing", "expected", "seconds"),
    [
        ("shift", [0.0, 2.5, 4.0], 4.5),
        ("fit", [0.0, 2.5, 4.0], 4.5),
        ("overlay", [0.0, 2.0, 4.0], 4.5),
        ("pad", [0.0, 2.5, 4.0], 6.0),
    ],
)
def test_where_takes_go(timing, expected, seconds):
    takes = [cue(0.0, 2.5, 2.0), cue(2.0, 1.0, 2.0), cue(4.0, 0.5, 2.0)]
    timeline = assemble_timeline(takes, 0.5, timing=timing)
    assert starts(timeline) == expected
    assert timeline.waveform.shape[1] == seconds * RATE
    assert timeline.notes[0] == "line 1 (A): is 2.50 s long, 0.50 s longer than its subtitle"
    late = [] if timing == "overlay" else ["line 1 (A): starts 0.50 s late, at 2.50 s"]
    assert list(timeline.notes[1:]) == late


def test_no_drift():
    """Takes that are too long for some subtitles delay those right behind them and no later one."""
    takes = [cue(float(second), 1.4 if second % 10 == 0 else 0.9, 1.0) for second in range(200)]
    for second, start in enumerate(starts(assemble_timeline(takes, 0.5))):
        assert start == second if second % 10 not in range(1, 5) else start - second < 0.41


def test_padding_reaches_the_end_of_a_subtitle_of_two_speakers():
    takes = [cue(1.0, 0.2, 1.0, pause_after=0.0), take(200, "B", slot_seconds=1.0)]
    assert assemble_timeline(takes, 0.5, timing="pad").waveform.shape[1] == 3 * RATE


def test_a_timing_nobody_knows():
    with pytest.raises(ValueError, match="timing: got 'stretch', expected one of fit, shift, overlay, pad"):
        assemble_timeline([take(1)], 0.5, timing="stretch")


@pytest.mark.parametrize("timing", TIMINGS)
def test_only_fit_wishes_for_a_length(timing):
    lines = [Line(0, "A", "a", slot_seconds=2.0), Line(1, "A", "a")]
    assert [line.wished_seconds for line in fit_lines(lines, timing)] == [2.0 if timing == "fit" else None, None]


def test_speakers_of_one_subtitle_share_it():
    lines = parse_script("1\n00:00:01,000 --> 00:00:05,000\n- Anna: Four.\n- Ben: Four.\n", ["Anna", "Ben"])
    assert [(line.slot_seconds, line.pause_after) for line in lines] == [(2.0, 0.0), (2.0, None)]


WRITTEN = st.text(st.characters(categories=["L", "N"], include_characters="<>&;-/!"), min_size=1, max_size=9)


@given(st.lists(st.tuples(st.sampled_from(["Anna", "小红"]), WRITTEN), min_size=1, max_size=4))
def test_webvtt_can_be_read_again(said):
    said = [(name, f"a{text}!a") for name, text in said]
    takes = [Take(Line(0, name, text), torch.ones(1, 100), (), sample_rate=RATE) for name, text in said]
    written = to_vtt(assemble_timeline(takes, 0.5))
    cues = [row for row in written.split("\n") if row.startswith("<v ")]
    assert written.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:00.100\n<v ")
    assert [html.unescape(row.partition(">")[2]) for row in cues] == [text for _, text in said]
    assert not any("-->" in row for row in cues)


def test_webvtt_names_its_voices():
    written = to_vtt(assemble_timeline([take(100, "Anna"), take(100, "小红")], 0.5))
    assert [(line.speaker, line.start_seconds) for line in parse_script(written, ["Anna", "小红"])] == [
        ("Anna", 0.0),
        ("小红", 0.6),
    ]

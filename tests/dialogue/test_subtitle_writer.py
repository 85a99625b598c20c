"""Subtitles that the pack writes say to a reader what was said: to our own parser, and to the library `srt`."""

import pytest
import srt
import torch
from indextts2_multitalk.indextts.dialogue.literal_marks import JOINER, MARKS, hide_marks, mark_literal, reveal_marks
from indextts2_multitalk.indextts.dialogue.script import parse_script
from indextts2_multitalk.indextts.dialogue.subtitle_writer import to_srt, to_vtt
from indextts2_multitalk.indextts.dialogue.timeline import Timeline, assemble_timeline
from indextts2_multitalk.indextts.records import Line, Take

TEXTS = (
    *("hello", "[x] hello", "word: hello", "hello [x] there", "(laughs) hi", "♪ la la ♪", "<i>x</i> y", "-->"),
    *("00:00:01,000 --> 00:00:02,000 x", "- hi", "{\\an8} x", "[pause:2] x", "[happy] x", "Ben: x", "# x"),
    *("&lt;b&gt; & x", "@Ben x", "x = y"),
    *("S1: x", "-0.5s- x", "NOTE x", "a --> b", ">> BEN: hi", "*x*", "http://x.y/z: hi", "[Anna] x", "(Ben) hi"),
    *("Anna|hi|en", "x [", "x ]", "(x)", "「x」 y", "Ben「x」", "【x】", "WEBVTT x", "12", "1. x", "\\: x"),
    *("Anna - x", "_x_", "`x`", "Ben — x", "NAME: x", "说话人2：你好", "a\n\nb", "STYLE", "x\u2028y"),
)  # fmt: skip


def speak(texts: tuple[str, ...], speakers: tuple[str, ...]) -> Timeline:
    lines = [Line(place, speakers[place % len(speakers)], text) for place, text in enumerate(texts)]
    return assemble_timeline([Take(line, torch.zeros(1, 22050), ()) for line in lines], 0.5)


@pytest.mark.parametrize("speakers", [("Anna",), ("Anna", "Ben"), ("小红", "Old Tom", "S3")])
@pytest.mark.parametrize("write", [to_srt, to_vtt])
def test_every_line_is_read_back(write, speakers: tuple[str, ...]) -> None:
    timeline = speak(TEXTS, speakers)
    written = write(timeline)
    expected = [(cue.speaker, " ".join(cue.text.split())) for cue in timeline.cues if any(map(str.isalnum, cue.text))]
    read = [(line.speaker, line.text) for line in parse_script(written, speakers)]
    assert [line for line in read if any(map(str.isalnum, line[1]))] == expected


def test_other_readers_see_the_words() -> None:
    timeline = speak(TEXTS, ("Anna",))
    shown = [cue.content.replace(JOINER, "") for cue in srt.parse(to_srt(timeline))]
    assert shown == [" ".join(text.split()) for text in TEXTS]


def test_usual_texts_stay_as_they_are() -> None:
    texts = ("Hello there.", "It is 12:30, isn't it?", "你好，世界。", "A well-known fact: none.")
    for speakers in (("Anna",), ("Anna", "Ben")):
        written = to_srt(speak(texts, speakers))
        assert all(text in written for text in texts[:3])


def test_marks_come_back() -> None:
    assert reveal_marks(hide_marks(mark_literal(MARKS))) == MARKS
    assert hide_marks("[x]") == "[x]"
    assert hide_marks("\ufdd0x") == "x"

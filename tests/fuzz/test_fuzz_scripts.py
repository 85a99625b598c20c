"""Any script is read or refused by one of our errors; what the pack writes as subtitles says the same when read."""

import contextlib
import json

import pytest
import torch
from helpers.fuzzing import changed, fuzz, texts
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.dialogue.casting import parse_dialogue
from indextts2_multitalk.indextts.dialogue.script import parse_script
from indextts2_multitalk.indextts.dialogue.script_file import decode_script
from indextts2_multitalk.indextts.dialogue.subtitle_writer import to_srt, to_vtt
from indextts2_multitalk.indextts.dialogue.timeline import assemble_timeline, check_length
from indextts2_multitalk.indextts.errors import ScriptError
from indextts2_multitalk.indextts.records import Line, Take
from indextts2_multitalk.indextts.seeds import seed_lines

PIECES = (
    *("Anna: ", "Ben：", "Speaker2: ", "S0: ", "[Anna] ", "<Ben>", "</Ben>", "old man: ", "Anna|hi|en|1.2"),
    *("**Anna:** ", "[happy]", "[happy:0.5|sad:0.2]", "[pause:2]", "[pause:99]", "-0.5s-", '<break time="1s"/>'),
    *("[Anna|seed:4|speed:2]", "1\n00:00:01,000 --> 00:00:02,000\n", "00:00:03.5 --> ", "WEBVTT\n\n", "[00:01.00]"),
    *("{\\an8}", "<v Anna>", "\n\n", "Dialogue: 0,0:00:01.00,0:00:02.00,Default,Anna,0,0,0,,hi", "[Events]\n"),
    *("Format: Start, End, Name, Text\n", "{10}{20}hi|there", "0:00:01.000,0:00:02.000\n", "角色|台词\n"),
    *("hello ", "你好", "NOTE ", "# ", "- ", "♪ ", "(laughs)"),
)
SCALARS = st.one_of(
    texts("hello", "Anna", "00:00:01,000", "nan", "1.5", most=3), st.floats(), st.integers(), st.booleans(), st.none()
)
KEYS = st.sampled_from(["text", "speaker", "start", "end", "emotion", "speed", "seed", "lang", "pause", "lines", "x"])
DATA = st.recursive(SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner)))
NAMES = st.sampled_from([None, ("Anna",), ("Anna", "Ben"), ("Speaker1", "Speaker2", "old man"), ("小红", "S3")])


def check(script: str, names: tuple[str, ...] | None) -> None:
    try:
        lines = parse_script(script, names)
    except ScriptError as refused:
        length = len(str(refused))
        assert length < 2000
        return
    assert lines
    assert [line.index for line in seed_lines(lines, 7)] == list(range(len(lines)))
    assert names is None or {line.speaker for line in lines} <= {*names}
    assert all(line.text.strip() or line.start_seconds is not None for line in lines)
    with contextlib.suppress(ScriptError):
        check_length(lines, 0.5)


@fuzz()
@given(script=texts(*PIECES), names=NAMES)
def test_any_script(script: str, names: tuple[str, ...] | None) -> None:
    check(script, names)


@fuzz(0.5)
@given(script=texts(*PIECES), count=st.integers(1, 4), name=st.sampled_from(["", "old man", "Anna", "\ud83d", "S2"]))
def test_any_dialogue(script: str, count: int, name: str) -> None:
    with contextlib.suppress(ScriptError):
        dialogue = parse_dialogue(script, count, {1: name}, "remedy")
        assert all(1 <= dialogue.voices[line.speaker] <= count for line in dialogue.lines)


@fuzz(0.5)
@given(entries=st.one_of(st.lists(st.dictionaries(KEYS, SCALARS), max_size=4), DATA), names=NAMES, rows=st.booleans())
def test_any_data(entries: object, names: tuple[str, ...] | None, rows: bool) -> None:
    if rows and isinstance(entries, list):
        check("\n".join(map(json.dumps, entries)), names)
    check(json.dumps(entries), names)


@fuzz(0.3)
@given(cells=st.lists(st.lists(texts('"', ",", ";", "hello", most=4), max_size=5), max_size=5), names=NAMES)
def test_any_table(cells: list[list[str]], names: tuple[str, ...] | None) -> None:
    check("\n".join(["speaker,text,start", *(",".join(row) for row in cells)]), names)


@fuzz(0.5)
@given(
    data=changed("1\n00:00:01,000 --> 00:00:02,000\nAnna: héllo\n\n2\n00:00:03,000 --> 00:00:04,000\n你好\n".encode())
)
def test_any_file(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        check(decode_script(data), ("Anna", "Ben"))


@pytest.mark.parametrize("write", [to_srt, to_vtt])
@fuzz(0.5)
@given(
    said=st.lists(texts(*PIECES, most=6), min_size=1, max_size=4),
    speakers=st.sampled_from([("Anna",), ("Anna", "小红")]),
)
def test_subtitles_are_read_back(write, said: list[str], speakers: tuple[str, ...]) -> None:
    spoken = [clean for text in said if (clean := " ".join(parse_words(text).split()))]
    lines = [Line(place, speakers[place % len(speakers)], text) for place, text in enumerate(spoken)]
    if lines:
        timeline = assemble_timeline([Take(line, torch.zeros(1, 22050), ()) for line in lines], 0.5)
        read = [(line.speaker, line.text) for line in parse_script(write(timeline), speakers)]
        assert read == [(line.speaker, line.text) for line in lines]


def parse_words(text: str) -> str:
    """`text` as a line may hold it: what a script says with every mark escaped, and at least one word."""
    escaped = "".join(f"\\{letter}" if letter in "[]【】<>:：|｜#\\-" else letter for letter in text)
    with contextlib.suppress(ScriptError):
        lines = parse_script(f"Anna: x {escaped} x", ("Anna", "Ben"))
        return lines[0].text
    return ""

"""Scripts as data say the same as scripts as text, and what is no script is named or stays text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.dialogue.script import parse_script
from indextts2_multitalk.indextts.errors import ScriptError

LINES = [{"speaker": "Anna", "text": "Hello, you."}, {"speaker": "Ben", "text": "Hi!"}]


def said(script: str) -> list[tuple[str, str]]:
    return [(line.speaker, line.text) for line in parse_script(script)]


@pytest.mark.parametrize(
    "script",
    [
        json.dumps(LINES),
        json.dumps({"title": "x", "lines": LINES}, indent=2),
        "\n".join(map(json.dumps, LINES)),
        json.dumps([["Anna", "Hello, you."], ["Ben", "Hi!"]]),
        'speaker,text\nAnna,"Hello, you."\nBen,Hi!\n',
        "\ufeff角色;台词\nAnna;Hello, you.\nBen;Hi!\n",
        json.dumps([{"角色": "Anna", "台词": "Hello, you."}, {"Name": "Ben", "Content": "Hi!"}], ensure_ascii=False),
    ],
)
def test_every_form_says_the_same(script: str) -> None:
    assert said(script) == [("Anna", "Hello, you."), ("Ben", "Hi!")]


def test_a_line_has_its_own_settings() -> None:
    entry = {"speaker": "A|n[n]a", "text": "One\ntwo.", "emotion": "happy", "speed": 1.2, "seed": 5, "language": "en"}
    (line,) = parse_script(json.dumps([entry | {"pause": "0.5s"}]))
    assert (line.text, line.speed, line.fixed_seed, line.language, line.pause_after) == ("One two.", 1.2, 5, "en", 0.5)
    assert line.emotion is not None and line.emotion.vector is not None and line.emotion.vector[0] > 0


def test_a_recognizers_segments_keep_their_clock() -> None:
    segments = [
        {"start": 2.5, "end": 4, "text": " Then this. ", "speaker": "SPEAKER_01"},
        {"start": "00:00:00,500", "end": 2.0, "text": "First.", "speaker": "SPEAKER_00"},
    ]
    first, second = parse_script(json.dumps({"text": "all", "segments": segments}))
    assert (first.text, first.start_seconds, first.slot_seconds) == ("First.", 0.5, 1.5)
    assert (second.text, second.start_seconds, second.slot_seconds) == ("Then this.", 2.5, 1.5)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ('[{"speaker": "A"}]', "entry 1 has no text"),
        ('{"text": "broken', "looks like JSON and is none"),
        ('[{"text": "a", "start": "soon"}]', "got the time 'soon'"),
        ('[{"text": "a", "start": -1}]', "got the time '-1'"),
        ('[{"text": "a", "start": 1e300}]', "got the time '1e"),
        ("speaker,text\n" + "x" * 200_000 + ",a\n", "looks like CSV and cannot be read"),
    ],
)
def test_faults_are_named(script: str, words: str) -> None:
    with pytest.raises(ScriptError, match=words):
        parse_script(script)


@pytest.mark.parametrize("script", ["{curly} text", "name,age\nx,5", '{"a": 1}', "[happy] Hello."])
def test_what_is_no_script_as_data_stays_text(script: str) -> None:
    assert parse_script(script)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ScriptError):
        parse_script("[" * 100_000 + '{"text": "a"}')


@given(
    st.lists(
        st.tuples(st.sampled_from(["Anna", "Ben", "小明"]), st.text("abc ,;|[]{}\"'\\:\n", min_size=1)), min_size=1
    )
)
def test_no_text_of_json_is_lost(entries: list[tuple[str, str]]) -> None:
    script = json.dumps([{"speaker": name, "text": f"a {text}"} for name, text in entries])
    try:
        lines = parse_script(script)
    except ScriptError:
        return
    assert len(lines) >= len(entries) and all(line.speaker in ("Anna", "Ben", "小明") for line in lines)


def test_a_pair_of_tags_inside_a_row_names_a_speaker() -> None:
    assert said("<Anna>Hello</Anna><Ben>Hi</Ben>") == [("Anna", "Hello"), ("Ben", "Hi")]

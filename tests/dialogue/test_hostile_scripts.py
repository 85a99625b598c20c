"""Scripts cut in two, in odd characters, or made to be misread: one error of ours, or the lines that were meant."""

import pytest
from indextts2_multitalk.indextts.dialogue.casting import parse_dialogue
from indextts2_multitalk.indextts.dialogue.script import parse_script
from indextts2_multitalk.indextts.errors import ScriptError
from indextts2_multitalk.indextts.seeds import seed_lines

NAMES = ("Anna", "Ben")
CUE = "1\n00:00:01,000 --> 00:00:02,000\nhi\n\n"


def said(script: str, names: tuple[str, ...] | None = NAMES) -> list[tuple[str, str]]:
    return [(line.speaker, " ".join(line.text.split())) for line in seed_lines(parse_script(script, names), 0)]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        *(
            (f"Anna: hi{end}Ben: yo", [("Anna", "hi"), ("Ben", "yo")])
            for end in ("\u2028", "\u2029", "\x85", "\v", "\f", "\x1c", "\x1d", "\x1e", "\r", "\r\n")
        ),
        ("Anna: ［happy］ hello", [("Anna", "hello")]),
        ("［Anna］ hello\n（Ben） yo\nＢＥＮ： x", [("Anna", "hello"), ("Ben", "yo"), ("Ben", "x")]),
        ("Anna: hi \ud83d there", [("Anna", "hi there")]),
        ("Anna: \udcff hello", [("Anna", "hello")]),
        ("An\udcffna: hi", [("Anna", "hi")]),
        ("\u202eAnna\u202c: hi\u2066!\u2069", [("Anna", "hi!")]),
        ("An\u200bna: hi\n\ufeffB\u2060en: yo", [("Anna", "hi"), ("Ben", "yo")]),
        ("Anna: hi\0there\x07 you", [("Anna", "hi there you")]),
        ("S2: hi\nS０００１: yo", [("Ben", "hi"), ("Anna", "yo")]),
        (CUE + "2\n00:00:03,000 -->", [("Anna", "hi")]),
        (CUE + "2\n00:00:03,000 --> 00:00:04,000", [("Anna", "hi")]),
        (CUE + "2", [("Anna", "hi")]),
    ],
)
def test_what_was_meant(script: str, expected: list[tuple[str, str]]) -> None:
    assert said(script) == expected


def test_speaker_0_and_names_that_are_no_text() -> None:
    assert said("S0: hi", ("Speaker0",)) == [("Speaker0", "hi")]
    assert said("S0: hi", None) == [("Speaker0", "hi")]
    assert said("An\udcffna: hi", ("An\udcffna", "Ben")) == [("An\udcffna", "hi")]


@pytest.mark.parametrize(
    "script",
    [
        *("S0: hi", f"S{'1' * 10}: hi", f"S{'1' * 121}: hi", f"S{'1' * 5000}: hi", f"speaker {'9' * 5000} ： hi"),
        *("1\n00:00:01,000 -->", "1\n00:00:01,000 --> 00:00:02,000", "", "\ud83d", "\0", "\u2028"),
        *("99999:00:01,000 --> 99999:00:02,000\nhi", "111111111100:00:01,000 --> 00:00:03,500\nhi"),
        *("1\n99:00:01,000 --> 99:00:02,000\nhi", "Anna: [pause:1e9] hi", f"Anna: [pause:{'9' * 5000}] hi"),
        *("Anna: [happy:nan] hi", "Anna: [happy:1e999] hi", f"Anna: [happy:{'9' * 5000}] hi", "[Anna|speed:inf] hi"),
        f"[Anna|seed:{'9' * 5000}] hi",
        f"[Events]\nFormat: {'A,' * 20_000}Text\nDialogue: {'1,' * 20_000}hi",
    ],
)
def test_one_error_of_ours(script: str) -> None:
    with pytest.raises(ScriptError) as refused:
        said(script)
    assert len(str(refused.value)) < 1000


def test_a_name_that_a_config_ties_to_a_voice_is_never_read_aloud() -> None:
    dialogue = parse_dialogue("Anna: hi\nold man: hello", 2, {2: "old man"}, "")
    assert [(line.speaker, line.text) for line in dialogue.lines] == [("Anna", "hi"), ("old man", "hello")]
    assert dialogue.voices == {"Anna": 1, "old man": 2}


@pytest.mark.parametrize(
    "script",
    [
        '[{"text": "hi", "start": 1' + "0" * 400 + "}]",
        '[{"text": "hi", "start": NaN}]',
        '[{"text": {"a": "hi"}}]',
        '{"lines": [{"speaker": "Anna"}]}',
        "speaker,text\n" + '"' + "x" * 200_000,
        '{"lines": [' * 50_000,
    ],
)
def test_data_that_is_none(script: str) -> None:
    with pytest.raises(ScriptError):
        said(script)


def test_data_is_cleaned_as_text_is() -> None:
    assert said('[{"speaker": "An\\u200bna", "text": "hi\\ud83d\\u0000 there\\u2028you"}]') == [
        ("Anna", "hi there you")
    ]
    deep = '{"a":' * 400 + "1" + "}" * 400
    assert said(f'[{{"speaker": {deep}, "text": "hi", "emotion": {deep}}}]') == [("Anna", "hi")]

"""Which of the numbered voices a name in the script gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.dialogue.casting import parse_dialogue
from indextts2_multitalk.indextts.errors import ScriptError


def read(text: str, count: int, names: dict[int, str] | None = None) -> dict[str, int]:
    return parse_dialogue(text, count, names or {}, remedy="Do this").voices


@pytest.mark.parametrize(
    ("text", "named", "voices"),
    [
        ("Speaker2: a\nspeaker 1: b\n说话人2：c\nS1: d", {}, {"Speaker2": 2, "Speaker1": 1}),
        ("Zoe: a\nAdam: b\nZOE: c", {}, {"Zoe": 1, "Adam": 2}),
        ("Zoe: a\nSpeaker1: b", {}, {"Zoe": 2, "Speaker1": 1}),
        ("Zoe: a\nAdam: b", {2: "zoe"}, {"Zoe": 2, "Adam": 1}),
        ("Zoe: a\nAdam: b", {1: "Nobody", 2: "Speaker1"}, {"Zoe": 1, "Adam": 2}),
        ("【旁白】从前。\n王五|好。", {}, {"旁白": 1, "王五": 2}),
        ("No names at all.", {}, {"Speaker1": 1}),
        ("No name.\nZoe: a", {}, {"Speaker1": 1, "Zoe": 2}),
        ("No name.\nZoe: a\nAdam: b", {}, {"Speaker1": 1, "Zoe": 1, "Adam": 2}),
        ("他说：走吧。\n小明：好。\n小红：好。", {}, {"Speaker1": 1, "小明": 1, "小红": 2}),
        ("Zoe says: a\nAdam, sadly: b\nZoe: c\nAdam: d", {}, {"Zoe": 1, "Adam": 2}),
        ("ZOE\na\n\nADAM (V.O.)\nb\n\nZOE\nc", {}, {"ZOE": 1, "ADAM": 2}),
        ("ONE\na\n\nTWO\nb", {}, {"Speaker1": 1}),
        ("CHAPTER ONE\na\n\nCHAPTER ONE\nb", {}, {"Speaker1": 1}),
        ("Zoe 00:01\na\nAdam Ant 00:05\nb", {}, {"Zoe": 1, "Adam Ant": 2}),
        ("小明(00:00:01):\na\n小红(00:00:05):\nb", {}, {"小明": 1, "小红": 2}),
        ("The train leaves at 12:30\nand comes at 13:30\nsharp", {}, {"Speaker1": 1}),
        ("### Zoe\na\n### Adam\nb", {1: "Zoe", 2: "Adam"}, {"Zoe": 1, "Adam": 2}),
        ("<voice name='Zoe'>a</voice>\n<voice name='Adam' speed='1.2'>b</voice>", {}, {"Zoe": 1, "Adam": 2}),
        ("@Zoe: a\n`Adam:` b", {}, {"Zoe": 1, "Adam": 2}),
        ("> Zoe: a\n00:05 Adam: b", {}, {"Zoe": 1, "Adam": 2}),
        ("| Zoe | a |\n|---|---|\n| Adam | b |", {}, {"Zoe": 1, "Adam": 2}),
        ("Speaker\tText\nZoe\ta\nAdam\tb", {}, {"Zoe": 1, "Adam": 2}),
        ("Zoe: hi\nold man: hello", {2: "old man"}, {"Zoe": 1, "old man": 2}),
    ],
)
def test_two_voices(text: str, named: dict[int, str], voices: dict[str, int]) -> None:
    assert read(text, 2, named) == voices


@pytest.mark.parametrize(
    ("text", "voices"),
    [
        ("A text without names.", {"Speaker1": 1}),
        ("Zoe: a", {"Zoe": 1}),
        ("S1: a", {"Speaker1": 1}),
        ("a\nS1: b", {"Speaker1": 1}),
        ("It began.\nNote: this is odd.", {"Speaker1": 1}),
        ("It began.\nBerlin: a city.", {"Speaker1": 1}),
        ("Dear Tom:\nHow are you?", {"Speaker1": 1}),
    ],
)
def test_one_voice(text: str, voices: dict[str, int]) -> None:
    assert read(text, 1) == voices


@pytest.mark.parametrize(
    ("text", "count", "message"),
    [
        ("Zoe: a\nAdam: b\nEve: c", 2, "line 3, column 1: unknown speaker 'Eve'; the speakers are Zoe, Adam"),
        ("Speaker1: a\nSpeaker4: b", 3, "line 2, column 1: unknown speaker 'Speaker4'.* Do this$"),
        ("Zoe: a\nAdam: b", 1, "line 2, column 1: unknown speaker 'Adam'"),
        ("A: a\nB: b\nC: c\nD: d\nE: e", 4, "unknown speaker 'E'; the speakers are A, B, C, D.* Do this$"),
    ],
)
def test_one_too_many(text: str, count: int, message: str) -> None:
    with pytest.raises(ScriptError, match=message):
        read(text, count)


@given(names=st.lists(st.sampled_from(["Zoe", "zoe", "Adam", "Speaker1", "S2", "Eve", "Speaker4"]), min_size=1))
def test_everyone_has_a_voice_of_their_own(names: list[str]) -> None:
    voices = read("\n".join(f"{name}: text" for name in names), 6)
    assert set(voices.values()) <= set(range(1, 7))
    assert len(set(voices.values())) == len(voices)

"""Times as people and programs write them between two times, and what looks like a time or a sound and is said."""

import pytest
from indextts2_multitalk.indextts.dialogue.script import parse_script

FIRST, SECOND, THIRD = "00:00:01,000", "00:00:02,000", "00:00:03,500"
ARROWS = (" --> ", " -> ", " - ", " --- ", " ~ ", " to ", " 至 ", " --》 ", " --&gt; ", " > ", " >> ", "-->")


@pytest.mark.parametrize("arrow", ARROWS)
def test_every_arrow_joins_two_times(arrow: str) -> None:
    script = f"1\n{FIRST}{arrow}{SECOND}\nOne.\n\n2\n{SECOND}{arrow}{THIRD}\nTwo.\n"
    lines = [(line.text, line.start_seconds, line.slot_seconds) for line in parse_script(script)]
    assert lines == [("One.", 1.0, 1.0), ("Two.", 2.0, 1.5)]


def test_a_number_on_the_row_of_times_and_plain_seconds() -> None:
    (line,) = parse_script(f"1 {FIRST} --> {SECOND}\nOne.\n")
    assert (line.text, line.start_seconds) == ("One.", 1.0)
    (line,) = parse_script("1\n1.0 --> 2.5\nOne.\n")
    assert (line.start_seconds, line.slot_seconds) == (1.0, 1.5)


def test_times_of_day_in_a_script_stay_text() -> None:
    (line,) = parse_script("Open 9:00 - 10:30, or 12:00 to 13:00.")
    assert line.start_seconds is None


@pytest.mark.parametrize(
    "said",
    [
        "That is *the phone* I want.",
        "I said (well, I shouted) no.",
        "请打这个电话（电话是110）。",
        "#1!",
        "#blessed",
        "#1 song",
    ],
)
def test_what_is_no_sound_is_said(said: str) -> None:
    (line,) = parse_script(f"1\n{FIRST} --> {SECOND}\n{said}\n")
    assert line.text == said


@pytest.mark.parametrize("sung", ["# La la la", "# La la la #", "#La la la#", "*laughs*", "(door slams)"])
def test_songs_and_sounds_are_left_out(sung: str) -> None:
    (line,) = parse_script(f"1\n{FIRST} --> {SECOND}\n{sung}\n\n2\n{SECOND} --> {THIRD}\nTwo.\n")
    assert line.text == "Two."

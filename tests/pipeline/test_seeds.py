"""A seed tells lines apart that sound apart, and is the same wherever a line stands."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.records import Line
from indextts2_multitalk.indextts.seeds import seed_lines
from indextts2_multitalk.indextts.segments import Segment

SAID = st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from(["Yes.", "No.", "Well."])), min_size=1, max_size=12)


def seeds(said: list[tuple[str, str]], seed: int = 3) -> list[int]:
    lines = [Line(place, speaker, text) for place, (speaker, text) in enumerate(said)]
    return [line.seed for line in seed_lines(lines, seed)]


@given(SAID)
def test_no_two_lines_share_a_seed(said: list[tuple[str, str]]) -> None:
    """The same words said twice are not the same take twice."""
    assert len(set(seeds(said))) == len(said)
    assert all(0 <= seed < 2**63 for seed in seeds(said))


@given(SAID, st.integers(0, 12))
def test_another_line_leaves_the_seeds_as_they_are(said: list[tuple[str, str]], place: int) -> None:
    more = [*said[:place], ("C", "Something new."), *said[place:]]
    kept = seeds(more)
    del kept[min(place, len(said))]
    assert kept == seeds(said)


def test_run_speaker_and_text_matter_and_a_fixed_seed_wins() -> None:
    one = seeds([("A", "Yes.")])
    assert one != seeds([("A", "Yes.")], 4)
    assert one != seeds([("B", "Yes.")])
    assert one != seeds([("A", "Yes!")])
    fixed = replace(Line(0, "A", "Yes."), fixed_seed=7)
    (first,), (second,) = seed_lines([fixed], 1), seed_lines([replace(fixed, speaker="B", text="No.")], 2)
    assert first.seed == second.seed


def test_segments_of_a_line_have_seeds_of_their_own() -> None:
    line = Line(0, "A", "Yes.", seed=9)
    parts = [Segment(place=0, part=part, line=line, text_ids=(), voice=None, emotion=None) for part in range(8)]  # type: ignore[arg-type]
    assert len({part.seed for part in parts}) == 8
    elsewhere = replace(parts[3], place=5)
    assert elsewhere.seed == parts[3].seed, "its place in the run does not matter"

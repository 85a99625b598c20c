import pytest
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.text.segmenter import split_segments

PIECES = st.lists(
    st.sampled_from(["▁A", "▁你", "B", ".", "▁.", ",", "'", "▁'", "-", "▁", "...", "!", "▁囧", "C'"]), max_size=200
)


def segments(text: str, max_tokens: int) -> list[str]:
    """One piece for every word and mark of `text`; the segments as text again."""
    pieces = []
    for word in text.split():
        stem = word.lstrip("'")
        letters = stem.rstrip(".,!?'-")
        quote = word[: len(word) - len(stem)]
        pieces += [f"▁{quote}", letters] if quote else [f"▁{letters}"]
        pieces += stem[len(letters) :]
    return [
        "".join(pieces[i] for i in segment).replace("▁", " ").strip() for segment in split_segments(pieces, max_tokens)
    ]


@given(PIECES, st.integers(1, 130))
def test_segments_concatenate_to_the_input(pieces, max_tokens):
    cut = split_segments(pieces, max_tokens)
    assert [i for segment in cut for i in segment] == list(range(len(pieces)))
    assert all(1 <= len(segment) <= max_tokens for segment in cut)


@given(PIECES)
def test_short_text_stays_whole(pieces):
    assert split_segments(pieces, 200) == ([range(len(pieces))] if pieces else [])


WORDS = st.lists(st.sampled_from(["▁ONE", "▁TWO", "ING", ".", ",", "▁'"]), min_size=49, max_size=400)


@given(WORDS, st.integers(48, 130))
def test_no_tail_and_no_cut_word_where_another_split_exists(pieces, max_tokens):
    pieces = ["▁ONE", *pieces]
    lengths = [len(segment) for segment in split_segments(pieces, max_tokens)]
    begins = [i for i, piece in enumerate(pieces) if i == 0 or piece.startswith("▁ONE") or piece.startswith("▁TWO")]
    if can_split([*begins, len(pieces)], 7, max_tokens):
        assert min(lengths) > 6
        starts = [sum(lengths[:i]) for i in range(len(lengths))]
        assert all(pieces[start].startswith("▁") for start in starts)


def can_split(cuts: list[int], least: int, most: int) -> bool:
    """Whether some of `cuts` are between `least` and `most` apart, from the first to the last."""
    reached = {cuts[0]}
    for cut in cuts[1:]:
        if any(least <= cut - start <= most for start in reached):
            reached.add(cut)
    return cuts[-1] in reached


@pytest.mark.parametrize(
    ("text", "max_tokens", "expected"),
    [
        ("ONE TWO. THREE FOUR, FIVE SIX.", 6, ["ONE TWO.", "THREE FOUR, FIVE SIX."]),
        ("WE GO. HE GOES. SHE SITS DOWN NOW.", 9, ["WE GO. HE GOES.", "SHE SITS DOWN NOW."]),
        ("ONE, TWO THREE, FOUR FIVE", 6, ["ONE, TWO THREE,", "FOUR FIVE"]),
        ("ONE - TWO THREE FOUR", 4, ["ONE -", "TWO THREE FOUR"]),
        ("ONE TWO THREE FOUR FIVE", 2, ["ONE TWO", "THREE FOUR", "FIVE"]),
        ("HE SAID 'I GO.' THEN HE WENT.", 8, ["HE SAID 'I GO.'", "THEN HE WENT."]),
        ("I GO. 'NO,' SHE SAID.", 6, ["I GO.", "'NO,'", "SHE SAID."]),
        ("ALL THE DOGS' TAILS WAG. AND SO ON.", 9, ["ALL THE DOGS' TAILS WAG.", "AND SO ON."]),
        ("WE ASKED DR. SMITH WHERE HE WAS.", 7, ["WE ASKED DR. SMITH", "WHERE HE WAS."]),
        ("J. SMITH SAT DOWN AND ATE IT.", 8, ["J. SMITH SAT DOWN", "AND ATE IT."]),
    ],
)
def test_cuts_fall_where_a_reader_would_pause(text, max_tokens, expected):
    assert segments(text, max_tokens) == expected


WORD = ["▁WORD"]
SENTENCE = [*WORD * 29, "."]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param(WORD * 121, [61, 60], id="one token too many"),
        pytest.param([*WORD * 117, "▁END", ",", "▁HE", "▁SAID", "."], [61, 61], id="a tail behind a comma"),
        pytest.param([*WORD * 117, ".", "▁HE", "▁SAID", "."], [61, 60], id="a tail that is a sentence"),
        pytest.param(["▁YES", ".", *WORD * 125, "."], [64, 64], id="a short sentence before a long one"),
        pytest.param(["▁YES", ".", *WORD * 118, "."], [61, 60], id="a short sentence that does not fit"),
        pytest.param(SENTENCE * 10, [90, 90, 120], id="sentences"),
        pytest.param([*WORD * 80, "▁DR", ".", *WORD * 40, "."], [62, 61], id="an abbreviation"),
        pytest.param([*WORD * 30, *["ING"] * 100], [29, 101], id="a long word stays whole"),
    ],
)
def test_segments_are_of_like_length(pieces, expected):
    assert sorted(len(segment) for segment in split_segments(pieces)) == sorted(expected)


def test_a_word_is_cut_only_where_it_does_not_fit():
    lengths = [len(segment) for segment in split_segments(["▁WORD", *["ING"] * 299])]
    assert lengths == [100, 100, 100]


def test_chinese_quotes_close_with_their_sentence():
    pieces = ["▁他", "▁说", "▁,", "'", "▁走", "▁.", "'", "'", "▁不", "▁.", "'"]
    assert [len(segment) for segment in split_segments(pieces, 8)] == [7, 4]


def test_limit_must_leave_room():
    with pytest.raises(ValueError, match="max_tokens is 0"):
        split_segments(["▁A"], 0)

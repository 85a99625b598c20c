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


@pytest.mark.parametrize(
    ("text", "max_tokens", "expected"),
    [
        ("ONE TWO. THREE FOUR, FIVE SIX.", 6, ["ONE TWO.", "THREE FOUR, FIVE SIX."]),
        ("A. B. C. D E F.", 6, ["A. B. C.", "D E F."]),
        ("ONE, TWO THREE, FOUR FIVE", 6, ["ONE, TWO THREE,", "FOUR FIVE"]),
        ("ONE - TWO THREE FOUR", 4, ["ONE -", "TWO THREE FOUR"]),
        ("ONE TWO THREE FOUR FIVE", 2, ["ONE TWO", "THREE FOUR", "FIVE"]),
        ("HE SAID 'I GO.' THEN HE WENT.", 8, ["HE SAID 'I GO.'", "THEN HE WENT."]),
        ("I GO. 'NO,' SHE SAID.", 6, ["I GO.", "'NO,'", "SHE SAID."]),
        ("ALL THE DOGS' TAILS WAG. AND SO ON.", 9, ["ALL THE DOGS' TAILS WAG.", "AND SO ON."]),
    ],
)
def test_cuts_fall_where_a_reader_would_pause(text, max_tokens, expected):
    assert segments(text, max_tokens) == expected


def test_chinese_quotes_close_with_their_sentence():
    pieces = ["▁他", "▁说", "▁,", "'", "▁走", "▁.", "'", "'", "▁不", "▁.", "'"]
    assert [len(segment) for segment in split_segments(pieces, 8)] == [7, 4]


def test_limit_must_leave_room():
    with pytest.raises(ValueError, match="max_tokens is 0"):
        split_segments(["▁A"], 0)

"""Segments in every script: at sentences, clauses, words; no letter lost, no word and no annotation cut."""

import re

import pytest
from helpers.multilingual import VOCABULARY
from hypothesis import given, settings
from hypothesis import strategies as st
from indextts2_multitalk.indextts.text.annotations import hide_annotations, keep_readings, show_annotations
from indextts2_multitalk.indextts.text.multilingual_segments import encode_segments, split_text
from indextts2_multitalk.indextts.text.multilingual_tokenizer import MultilingualTokenizer

TOKENIZER = MultilingualTokenizer(VOCABULARY)
LANGUAGES = ("zh", "en", "ja", "es", "ar")


def split(text: str, language: str, limit: int) -> list[str]:
    parts = split_text(hide_annotations(text), language, TOKENIZER, limit)
    return [show_annotations(part) for part in parts]


@pytest.mark.parametrize(
    ("language", "text", "parts"),
    [
        ("ar", "نرسم البحر. نكتب قصة، ثم ننام؟", ["نرسم البحر.", "نكتب قصة، ثم ننام؟"]),
        ("ar", "جاء المعلم وسألهم؛ ماذا ترسمون اليوم", ["جاء المعلم وسألهم؛", "ماذا ترسمون اليوم"]),
        ("es", "¿QUÉ HORA ES? ¡SON LAS TRES! VAMOS.", ["¿QUÉ HORA ES?", "¡SON LAS TRES! VAMOS."]),
        ("ja", "今日 は 晴れ です . 明日 は 雨 です .", ["今日 は 晴れ です .", "明日 は 雨 です ."]),
        ("ja", "とても長い文章だから漢字で切る", ["とても長い文章だから", "漢字で切る"]),
        ("zh", "今天天气很好,我们去玩.明天我们再去那里说!", ["今天天气很好,我们去玩.", "明天我们再去那里说!"]),
        (
            "en",
            "it is 3.5 or 1,000 of them. yes, it is so, all of it",
            ["it is 3.5 or 1,000 of them.", "yes, it is so, all of it"],
        ),
        ("en", "one <two|T UW1> three <four|F AO1 R>", ["one <two|T UW1>", "three <four|F AO1 R>"]),
        ("zh", "最<重|CHONG2>要<重|CHONG2>要", ["最<重|CHONG2>要", "<重|CHONG2>要"]),
    ],
)
def test_cuts_fall_where_a_reader_would_pause(language, text, parts):
    """In segments that hold no more than the longest of these."""
    limit = max(sum(map(len, encode_segments(hide_annotations(part), language, TOKENIZER, 600))) for part in parts)
    assert split(text, language, limit) == parts


ALPHABET = "ab 12.,!?' 你好重。，、…かなカー漢ب ع، ؛؟ÁÑ¿¡\n–-"
ATOMS = st.sampled_from(["<重|CHONG2>", "<word|W ER1 D>", "<東京|とうきょう>", " ", "中文字", "يوم", "palabra"])
TEXTS = st.lists(st.one_of(st.text(alphabet=ALPHABET, max_size=12), ATOMS), max_size=20).map("".join)


@settings(deadline=None)
@given(TEXTS, st.sampled_from(LANGUAGES), st.integers(8, 60))
def test_no_letter_is_lost_and_no_annotation_is_cut(text, language, limit):
    hidden = hide_annotations(text)
    parts = list(split_text(hidden, language, TOKENIZER, limit))
    assert re.sub(r"\s", "", "".join(parts)) == re.sub(r"\s", "", hidden)
    for part in parts:
        assert hide_annotations(show_annotations(part)) == part
        assert len(TOKENIZER.encode(keep_readings(part))) <= limit


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["palabra", "niño", "يوم", "word", "GPT", "3.5"]), min_size=1, max_size=60),
    st.integers(20, 60),
)
def test_words_between_spaces_stay_whole(words, limit):
    parts = list(split_text(" ".join(words), "es", TOKENIZER, limit))
    assert " ".join(parts).split(" ") == words
    assert min(map(len, parts)) > 0


@settings(deadline=None)
@given(TEXTS, st.sampled_from(LANGUAGES), st.integers(1, 130))
def test_every_segment_has_its_language_and_fits(text, language, max_tokens):
    segments = encode_segments(hide_annotations(text), language, TOKENIZER, max_tokens)
    prefix = TOKENIZER.encode_segment("", language)[0]
    assert all(segment[0] == prefix and len(segment) <= max(24, max_tokens) for segment in segments)


def test_segments_are_of_like_length():
    segments = encode_segments("palabra " * 61, "es", TOKENIZER, 120)
    lengths = [len(segment) for segment in segments]
    assert max(lengths) - min(lengths) <= 7


def test_an_annotation_longer_than_a_segment_stays_whole():
    text = hide_annotations("one <word|W ER1 D . W ER1 D . W ER1 D . W ER1 D> two")
    parts = [show_annotations(part) for part in split_text(text, "en", TOKENIZER, 8)]
    assert "<word|W ER1 D . W ER1 D . W ER1 D . W ER1 D>" in parts

"""What was lost, said twice or added, told from two texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.verify.comparison import compare_words
from indextts2_multitalk.indextts.verify.pronunciation import guess_phones, split_words

PHONES = {"two": "T UW", "to": "T UW", "too": "T UW", "the": "DH AH", "a": "AH", "eye": "AY", "i": "AY"}


def pronounce(word):
    return tuple(PHONES[word].split()) if word in PHONES else guess_phones(word)


def compare(wanted, heard):
    return compare_words(split_words(wanted, pronounce), split_words(heard, pronounce))


@pytest.mark.parametrize(
    ("wanted", "heard", "lost", "repeated", "added"),
    [
        ("We met two friends.", "we met two friends", "", "", ""),
        ("We met two friends.", "WE MET, TO FRIENDS", "", "", ""),
        ("We met two friends.", "we met friends", "two", "", ""),
        ("We met two friends.", "met friends", "we two", "", ""),
        ("We met two friends.", "", "we met two friends", "", ""),
        ("We met two friends.", "we met met two friends", "", "met", ""),
        ("We met two friends in the park.", "we met two friends in the in the park", "", "in the", ""),
        ("We met for a walk.", "we met for walk", "a", "", ""),
        ("We met for a walk.", "we met for a a walk", "", "a", ""),
        ("We met two friends.", "we met two friends and several others", "", "", "and several others"),
        ("We met two friends.", "we meet two friends", "", "", ""),
        ("今天天气很好", "今天天气很好", "", "", ""),
        ("今天天气很好", "今天气很好", "天", "", ""),
        ("今天天气很好", "今天天气天气很好", "", "天 气", ""),
        ("他说hello world", "他说 hello hello world", "", "hello", ""),
    ],
)
def test_faults_are_found_and_named(wanted, heard, lost, repeated, added):
    hearing = compare(wanted, heard)
    assert (" ".join(hearing.lost), " ".join(hearing.repeated), " ".join(hearing.added)) == (lost, repeated, added)
    assert hearing.is_complete == (not (lost or repeated or added))
    assert 0 <= hearing.score <= 1
    assert all(words in hearing.describe_faults() for words in (lost, repeated, added))


WORDS = st.lists(st.sampled_from(["river", "open", "seven", "garden", "yellow", "march"]), min_size=1, max_size=30)


@given(WORDS, st.data())
def test_every_word_cut_out_is_found(words, data):
    place = data.draw(st.integers(0, len(words) - 1))
    heard = words[:place] + words[place + 1 :]
    hearing = compare(" ".join(words), " ".join(heard))
    assert hearing.lost == (words[place],)
    assert not hearing.repeated


@given(WORDS, st.data())
def test_every_word_said_twice_is_found(words, data):
    place = data.draw(st.integers(0, len(words) - 1))
    hearing = compare(" ".join(words), " ".join(words[: place + 1] + words[place:]))
    assert not hearing.is_complete
    assert not hearing.lost


@given(WORDS)
def test_what_was_said_as_written_scores_one(words):
    hearing = compare(" ".join(words), " ".join(words).upper())
    assert hearing.is_complete
    assert hearing.score == 1


def test_chinese_that_sounds_alike_is_the_same():
    pytest.importorskip("pypinyin", reason="pypinyin is not installed")
    assert compare("他在家", "她在加").score == 1
    assert compare("他在家", "她在天").score < 1


@pytest.mark.parametrize(
    ("word", "phones"), [("anna", "AE N AE"), ("checked", "CH EH K EH D"), ("zeke", "Z EH K"), ("xz", "K S Z")]
)
def test_words_without_a_dictionary_have_rough_phones(word, phones):
    assert " ".join(guess_phones(word)) == phones

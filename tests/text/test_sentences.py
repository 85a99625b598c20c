"""What the number grammars are asked about, and in what parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.text.grammar import Grammar
from indextts2_multitalk.indextts.text.sentences import MAX_SENTENCE, split_for_grammar, split_sentences

WORDS = "the people wait near an old house while rain falls softly over green hills"
HAN = "今天天气很好大家都在河边散步看见许多鸟儿飞过山头"


@given(st.text(alphabet=st.sampled_from("aZ .,5\n'。，好No"), max_size=600), st.sampled_from(["en", "zh"]))
def test_parts_are_the_text(text, language):
    stripped = text.lstrip()
    assert "".join(part for part, _ in split_for_grammar(stripped, language)) == stripped
    assert "".join(split_sentences(text, language)) == text


@pytest.mark.parametrize(
    ("text", "language", "asked"),
    [
        (f"{WORDS}. Nobody knows why, I think.", "en", []),
        (f"{HAN}，“好吗？”……", "zh", []),
        (f"{WORDS} at 10:45 {WORDS}", "en", ["green hills at 10:45 the people wait "]),
        ("We met Dr. Smith. He left.", "en", ["We met Dr. Smith. ", "He left."]),
        (f"{HAN}3公里{HAN}", "zh", [f"{HAN[-8:]}3公里{HAN[:6]}"]),
        ("Ufo", "en", ["Ufo"]),
    ],
)
def test_only_what_is_not_a_plain_word_is_asked_about(text, language, asked):
    assert [part for part, is_needed in split_for_grammar(text, language) if is_needed] == asked


@pytest.mark.parametrize("text", ["the train at ten takes 3 hours and people wait " * 100, f"{HAN}3个人" * 100])
def test_text_without_a_stop_is_read_in_parts(text):
    language = "en" if text.isascii() else "zh"
    parts = list(split_sentences(text, language))
    assert max(map(len, parts)) <= MAX_SENTENCE
    assert len(parts) < 2 + len(text) / (MAX_SENTENCE - 50)


@pytest.mark.parametrize(
    "text",
    [
        "Vol. 3, no. 5: May 5, 2020 at 10:45 a.m., half the $3.50 for 5 ft.",
        f"On Monday, May the 5th of 2020, Mr. Smith paid $3 million. {WORDS.capitalize()} 20 miles away.",
        "etc. and e.g. IBM, then 3.14 and 1/2 of the 1990s.",
    ],
)
def test_parts_are_read_as_the_whole_would_be(text):
    grammar = Grammar("en")
    assert grammar.verbalize(text) == grammar._read_part(text)


def test_a_part_that_comes_again_is_not_read_again(monkeypatch):
    grammar = Grammar("en")
    asked = []
    monkeypatch.setattr(grammar, "_verbalize_exactly", lambda text: asked.append(text) or text)
    grammar.verbalize(f"{WORDS} at 10:45. {WORDS.capitalize()} at 11:30. {WORDS.capitalize()} at 11:30. {WORDS}")
    assert len(asked) < 4
    before = len(asked)
    grammar.verbalize(f"{WORDS} at 10:45. {WORDS.capitalize()} at 11:30. {WORDS.capitalize()} at 11:30. {WORDS}")
    assert len(asked) == before

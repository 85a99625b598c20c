"""What the Chinese number grammar is asked about, and in what parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.text.grammar import Grammar
from indextts2_multitalk.indextts.text.sentences import MAX_SENTENCE, split_for_grammar, split_sentences

HAN = "今天天气很好大家都在河边散步看见许多鸟儿飞过山头"


@given(st.text(alphabet=st.sampled_from("aZ .,5\n'。，好No"), max_size=600))
def test_parts_are_the_text(text):
    assert "".join(part for part, _ in split_for_grammar(text)) == text
    assert "".join(split_sentences(text)) == text


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (f"{HAN}，“好吗？”……", []),
        (f"{HAN}3公里{HAN}", [f"{HAN[-8:]}3公里{HAN[:6]}"]),
        ("好3。坏4。", ["好3。", "坏4。"]),
    ],
)
def test_only_what_is_not_a_plain_word_is_asked_about(text, asked):
    assert [part for part, is_needed in split_for_grammar(text) if is_needed] == asked


@pytest.mark.parametrize("text", ["the train at ten takes 3 hours and people wait " * 100, f"{HAN}3个人" * 100])
def test_text_without_a_stop_is_read_in_parts(text):
    parts = list(split_sentences(text))
    assert max(map(len, parts)) <= MAX_SENTENCE
    assert len(parts) < 2 + len(text) / (MAX_SENTENCE - 50)


def test_parts_are_read_as_the_whole_would_be():
    grammar = Grammar()
    text = f"2024年3月5日下午3点，{HAN}25平方公里。{HAN}卖了3.5元。"
    assert grammar.verbalize(text) == grammar._read_part(text)


def test_a_part_that_comes_again_is_not_read_again(monkeypatch):
    grammar = Grammar()
    asked = []
    monkeypatch.setattr(grammar, "_verbalize_exactly", lambda text: asked.append(text) or text)
    grammar.verbalize(f"{HAN}3点{HAN}。{HAN}4点{HAN}。{HAN}4点{HAN}。{HAN}")
    assert len(asked) < 4
    before = len(asked)
    grammar.verbalize(f"{HAN}3点{HAN}。{HAN}4点{HAN}。{HAN}4点{HAN}。{HAN}")
    assert len(asked) == before


class Deaf:
    """A grammar that swallows text with a dot in it, and has no path for more than three characters."""

    def normalize(self, text: str) -> str:
        assert len(text) <= 3
        return "" if "." in text else text.replace("5", "五")


def test_an_empty_answer_is_not_taken(monkeypatch):
    grammar = Grammar()
    monkeypatch.setattr(type(grammar), "_wetext_normalizer", Deaf())
    assert grammar.verbalize("a.b 5元") == "a.b 五元"

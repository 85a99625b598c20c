"""Byte pairs of a `.tiktoken` file."""

import re
from base64 import b64encode
from itertools import pairwise

import pytest
from helpers.multilingual import VOCABULARY
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.errors import CheckpointError
from indextts2_multitalk.indextts.text.language_table import SPECIAL_TOKENS
from indextts2_multitalk.indextts.text.multilingual_tokenizer import MultilingualTokenizer
from indextts2_multitalk.indextts.text.tiktoken_bpe import BytePairEncoding, read_ranks, split_pretokens

BYTES = [b64encode(bytes((byte,))) for byte in range(256)]


@pytest.fixture(scope="module")
def pairs():
    return BytePairEncoding(VOCABULARY)


def write_vocabulary(folder, tokens):
    file = folder / "vocabulary.tiktoken"
    file.write_bytes(b"".join(b"%s %d\n" % (token, rank) for rank, token in enumerate(tokens)))
    return file


def test_the_empty_token_counts_and_never_matches(pairs):
    ranks = read_ranks(VOCABULARY)
    assert ranks[b""] == 513
    assert pairs.size == len(ranks) == 1027
    assert MultilingualTokenizer(VOCABULARY).size == 1027 + len(SPECIAL_TOKENS) == 2700


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_tokens_are_the_text(pairs, text):
    tokens = {rank: token for token, rank in read_ranks(VOCABULARY).items()}
    assert b"".join(tokens[rank] for rank in pairs.encode(text)).decode() == text
    assert sum(pairs.count_bytes(text)) == len(text.encode())
    assert "".join(split_pretokens(text)) == text


@given(st.text(alphabet="abn ", max_size=30))
def test_pairs_merge_by_their_rank(tmp_path_factory, text):
    """Against the definition: the lowest rank merges first, the leftmost of equals."""
    folder = tmp_path_factory.mktemp("ranks")
    merged = [b64encode(token) for token in (b"an", b"aa", b"nan", b"ab", b"anan", b" a", b"aaa", b" an")]
    encoding = BytePairEncoding(write_vocabulary(folder, [*BYTES, *merged]))
    ranks = read_ranks(folder / "vocabulary.tiktoken")
    expected = []
    for word in split_pretokens(text):
        parts = [bytes((byte,)) for byte in word.encode()]
        while pairs := [(ranks[a + b], i) for i, (a, b) in enumerate(pairwise(parts)) if a + b in ranks]:
            _, i = min(pairs)
            parts[i : i + 2] = [parts[i] + parts[i + 1]]
        expected += [ranks[part] for part in parts]
    assert encoding.encode(text) == expected


def test_words_are_split_as_the_vocabulary_was_trained():
    assert list(split_pretokens("I'll pay 12€, ¿sí?  你好 ½ ")) == [
        "I", "'ll", " pay", " 12", "€,", " ¿", "sí", "?", " ", " 你好", " ½", " ",
    ]  # fmt: skip


def test_a_long_word_takes_no_quadratic_work(pairs, monkeypatch):
    """Each merge looks at two neighbors; nothing is looked at again."""
    asked = 0

    class Counted(dict):
        def get(self, *key):
            nonlocal asked
            asked += 1
            return super().get(*key)

    monkeypatch.setattr(pairs, "_ranks", Counted(pairs._ranks))
    for letters in ("a", "你", "the"):
        asked = 0
        size = len(letters.encode()) * 3000
        pairs._merge_word(letters * 3000)
        assert asked <= 3 * size


@pytest.mark.parametrize(
    ("tokens", "fault"),
    [
        ([b"<!DOCTYPE"], "line 1: got b'<!DOCTYPE', expected base64"),
        (BYTES[1:], "1 of the 256 bytes missing"),
        ([*BYTES, BYTES[0]], "a token or a rank twice"),
        ([], "256 of the 256 bytes missing"),
    ],
)
def test_damaged_files_are_named(tmp_path, tokens, fault):
    with pytest.raises(CheckpointError, match=re.escape(fault)):
        read_ranks(write_vocabulary(tmp_path, tokens))


def test_other_files_are_named(tmp_path):
    with pytest.raises(CheckpointError, match="not found; expected the vocabulary released with"):
        read_ranks(tmp_path / "none.tiktoken")
    (tmp_path / "page.tiktoken").write_bytes(b"<html>\n")
    with pytest.raises(CheckpointError, match="line 1: got b'<html>', expected `base64 rank`"):
        read_ranks(tmp_path / "page.tiktoken")
    (tmp_path / "big.tiktoken").write_bytes(b" " * 16_000_001)
    with pytest.raises(CheckpointError, match="expected at most"):
        read_ranks(tmp_path / "big.tiktoken")

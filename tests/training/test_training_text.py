"""The grammar's sentences, and how they become tokens."""

import itertools
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.text.normalizer import TextNormalizer
from indextts2_multitalk.indextts.text.tokenizer import pretokenize
from indextts2_multitalk.training.sentences import (
    MAX_WORDS,
    compose,
    held_out_sentences,
    held_out_texts,
    is_held_out,
    training_texts,
)
from indextts2_multitalk.training.tokens import ALPHABET, spoken_tokens


def test_the_same_seed_composes_the_same_texts():
    one, two, other = ([*itertools.islice(training_texts(seed), 50)] for seed in (3, 3, 4))
    assert one == two
    assert one != other


def test_texts_are_of_the_voices_alphabet_and_no_longer_than_they_may_be():
    for text in itertools.islice(training_texts(0), 300):
        assert len(text.split()) <= MAX_WORDS
        assert set(pretokenize(text)) <= set(ALPHABET + " ")
        assert "{" not in text


def test_what_is_held_out_is_never_trained_on():
    assert all(is_held_out(sentence) for sentence in held_out_sentences())
    assert all(is_held_out(text) for text in itertools.islice(held_out_texts(0), 20))
    assert not any(is_held_out(text) for text in itertools.islice(training_texts(1), 500))


def test_a_hand_written_sentence_counts_however_it_is_punctuated():
    assert is_held_out("Yes. " + held_out_sentences()[0].lower().replace("?", "!"))


def test_fifty_sentences_are_written_by_hand():
    assert len(set(held_out_sentences())) == 50


def test_articles_agree_and_sentences_begin_with_capitals():
    texts = [compose(random.Random(seed)) for seed in range(400)]
    assert not any(" a a" in text or " a o" in text for text in texts)
    assert all(text[0].isupper() for text in texts)


def test_the_packs_normalizer_leaves_the_training_texts_words_alone():
    normalizer = TextNormalizer()
    for text in itertools.islice(training_texts(2), 40):
        assert pretokenize(normalizer.normalize(text)) == pretokenize(text)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.lists(st.integers(1, 6), min_size=6, max_size=6))
def test_every_token_of_a_word_is_spoken_in_order(pieces_per_word, codes_per_word):
    pieces = [f"{'▁' if n == 0 else ''}p" for count in pieces_per_word for n in range(count)]
    words = np.concatenate([np.full(codes_per_word[w], w) for w in range(len(pieces_per_word))]).astype(np.int16)
    spoken = spoken_tokens(words, pieces)
    assert (np.diff(spoken) >= 0).all()
    owner = np.cumsum([piece.startswith("▁") for piece in pieces]) - 1
    assert (owner[spoken - 1] == words).all()


def test_silence_belongs_to_what_comes_next():
    assert spoken_tokens(np.array([-1, 0, 0, -1, 1, -1]), ["▁A", "▁B"]).tolist() == [1, 1, 1, 2, 2, 3]
    assert spoken_tokens(np.array([-1, -1]), ["▁A"]).tolist() == [-1, -1]


@pytest.mark.parametrize("sampling", [True, False])
def test_both_readings_keep_every_word(tmp_path, hums, sampling):
    from indextts2_multitalk.training.corpus import load_corpus
    from indextts2_multitalk.training.tokens import Reader, train_bpe

    corpus = load_corpus(hums / "unheard", torch.device("cpu"))
    reader = Reader(train_bpe(tmp_path / "bpe.model", 160, 300), corpus)
    assert int(reader.spoken[sampling].max()) < reader.ids[sampling].shape[1]
    assert int(reader.spoken[sampling].min()) == 1
    assert (reader.ids[sampling] == 2).sum() == 0

"""Small parts of training: names for codes, word errors, windows and lengths, and flite where it is installed."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from indextts2_multitalk.indextts.conditioning.codec import SemanticCodec
from indextts2_multitalk.training.codec_stage import neighbouring_phones
from indextts2_multitalk.training.corpus import Lengths, Windows, load_corpus
from indextts2_multitalk.training.flite import VOICES, Flite, FliteMissingError, Prosody
from indextts2_multitalk.training.listening import delivery_of
from indextts2_multitalk.training.names import NAMES, named, shared
from indextts2_multitalk.training.plan import TOY
from indextts2_multitalk.training.recognise import edits, right_counts, word_error_rate, words_of
from indextts2_multitalk.training.speakers import DELIVERIES, NEUTRAL, emotion_of, speaker
from indextts2_multitalk.training.style_stage import four_way, speaker_spans, with_margin
from indextts2_multitalk.training.synthesize import GRAIN, render


def test_names_share_a_codes_probability():
    hidden, weight, bias = torch.randn(3, 8), torch.randn(6, 8), torch.randn(6)
    plain = (hidden @ weight.T + bias).softmax(-1)
    spread = (hidden @ named(weight, 4).T + shared(bias, 4)).softmax(-1)
    assert spread.shape[1] == 4 * NAMES + 2
    together = torch.cat((spread[:, :-2].unflatten(1, (NAMES, 4)).sum(1), spread[:, -2:]), dim=1)
    torch.testing.assert_close(together, plain)


def test_the_nearest_name_is_the_code_itself():
    config = TOY.config.semantic_codec
    codec = SemanticCodec(config)
    state = codec.state_dict()
    codes = config.codebook_size // NAMES
    state["quantizer.codebook.weight"] = named(torch.nn.functional.normalize(torch.randn(codes, 8)), codes)
    codec.load_state_dict(state)
    found, _ = codec.quantize(torch.randn(1, 200, config.hidden_size))
    assert found.max() < codes


@pytest.mark.parametrize(("wanted", "found", "errors"), [("a b c", "a b c", 0), ("a b c", "a c", 1), ("a", "b c", 2)])
def test_edits(wanted, found, errors):
    assert edits(wanted.split(), found.split()) == errors


def test_word_errors_and_counts():
    pairs = [(["a", "b"], ["a"]), (["a", "b", "c", "d"], ["a", "b"])]
    assert word_error_rate(pairs) == 0.5
    assert right_counts(pairs) == 1


def test_numbers_are_compared_as_words():
    assert words_of("I'm 21, not 9!") == ["i'm", "twenty", "one", "not", "nine"]


def test_four_way_counts_the_right_ones():
    assert four_way(np.eye(5))["four_way"] == 1.0
    assert four_way(1 - np.eye(5))["four_way"] == 0.0
    assert four_way(np.eye(3)) == {}


def test_the_margin_moves_only_the_right_speaker():
    cosine = torch.tensor([[0.5, 0.2]])
    moved = with_margin(cosine, torch.tensor([0]), 0.2)
    assert moved[0, 1] == cosine[0, 1]
    assert moved[0, 0] < cosine[0, 0]


def test_neighbours_are_phones_not_codes():
    assert neighbouring_phones(torch.tensor([1, 1, 2, 3, 3]))[:, 1].tolist() == [3, 3, 1, 2, 2]
    assert neighbouring_phones(torch.tensor([1, 1, 2, 3, 3]))[:, 2].tolist() == [2, 2, 3, 1, 1]


def test_batches_are_of_one_length_and_windows_of_the_right_speaker(hums):
    corpus = load_corpus(hums / "speech", torch.device("cpu"))
    rng, lengths, windows = np.random.default_rng(0), Lengths(corpus, 300), Windows(corpus)
    spans = speaker_spans(corpus)
    for _ in range(20):
        numbers = lengths.draw(rng)
        assert len(corpus.lengths[numbers].unique()) == 1
        speakers = corpus.speakers[numbers].tolist()
        starts = windows.starts(speakers, [NEUTRAL] * len(speakers), 20, rng)
        for start, who in zip(starts.tolist(), speakers, strict=True):
            assert spans[who, 0] <= start < spans[who, 1]


def test_clips_lie_on_the_clock_of_codes(hums):
    corpus = load_corpus(hums / "speech", torch.device("cpu"))
    starts = torch.tensor([0, int(corpus.starts[3])])
    assert corpus.clips16(starts, 5).shape == (2, 5 * 320 + 240)
    assert corpus.clips22(starts, 7).shape == (2, 7 * 256 + 768)
    first = corpus.wav22[441 * int(starts[1])].float() / 2**15
    assert corpus.clips22(starts, 7)[1, 384] == first
    assert (corpus.clips22(starts, 7)[0, :384] == 0).all()


def test_every_speaker_has_every_delivery():
    assert {emotion_of(place) for place in range(60)} == set(range(NEUTRAL + 1))
    assert speaker(3) == speaker(3)
    assert speaker(3).pitch_hz != speaker(3, held_out=True).pitch_hz
    assert len({speaker(number).voice for number in range(4)}) == 4


@pytest.fixture(scope="module")
def flite():
    try:
        return Flite()
    except FliteMissingError as error:
        pytest.skip(f"flite is not installed (Debian's libflite1): {error}")


@pytest.mark.parametrize("voice", VOICES)
def test_flite_speaks_at_the_pitch_and_pace_it_is_given(flite, voice):
    low = flite.speak(voice, "Good morning everyone.", Prosody(100.0))
    high = flite.speak(voice, "Good morning everyone.", Prosody(180.0, stretch=1.5))
    assert abs(delivery_of(low.samples).pitch_hz / 100 - 1) < 0.15
    assert abs(delivery_of(high.samples).pitch_hz / 180 - 1) < 0.15
    assert 1.3 < len(high.samples) / len(low.samples) < 1.7
    assert len(low.words) == 3


@settings(max_examples=4)
@given(st.integers(0, 7), st.integers(0, NEUTRAL))
def test_an_utterance_and_its_labels_are_equally_long(flite, number, emotion):
    said = render(flite, speaker(number), emotion, "Where is the key?", random.Random(0))
    codes = len(said.phones)
    assert codes % GRAIN == 0
    assert (len(said.wav22), len(said.wav16)) == (441 * codes, 320 * codes)
    assert sorted(set(said.words.tolist()) - {-1}) == [0, 1, 2, 3]
    assert (said.words[said.phones == 0] == -1).mean() > 0.5


def test_an_emotion_is_heard_in_the_synthesizers_own_speech(flite):
    plain, moved = (
        delivery_of(render(flite, speaker(0), e, "We went to the old market.", random.Random(1)).wav16 / 2**15)
        for e in (NEUTRAL, list(DELIVERIES).index("melancholic"))
    )
    assert moved.pitch_hz < plain.pitch_hz
    assert moved.seconds > 1.2 * plain.seconds
    assert moved.decibels < plain.decibels - 4

"""Voices and emotions end to end on a tiny seeded model."""

import threading
from dataclasses import fields

import pytest
import torch
from helpers.seeded import normal
from helpers.tiny_encoders import GPT_WIDTH, STYLE, WIDTH, seeded, tiny_encoders, tiny_semantic
from indextts2_multitalk.indextts.conditioning.emotion import EmotionTable, scale_weights, temper_user_weights
from indextts2_multitalk.indextts.conditioning.encoder import ConditioningEncoder, ConditioningModels
from indextts2_multitalk.indextts.errors import AudioError, EmotionError
from indextts2_multitalk.indextts.records import Audio, Emotion

CONDITION = 16


class FakeTextEmotion:
    """Answers with a fixed vector and remembers what it was asked."""

    answer = (0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.7, 0.0)

    def __init__(self):
        self.asked = []

    def read_weights(self, text):
        self.asked.append(text)
        return self.answer


class Regulator:
    """Stands in for S2Mel's: the first columns of the content, stretched."""

    def __init__(self):
        self.calls = 0

    def __call__(self, content, frames):
        self.calls += 1
        place = torch.arange(frames) * content.shape[1] // frames
        return content[:, place, :CONDITION]


@pytest.fixture(scope="module")
def semantic_encoder(tmp_path_factory):
    return tiny_semantic(tmp_path_factory.mktemp("w2v-bert-2.0"))


@pytest.fixture
def encoder(semantic_encoder):
    encoders = tiny_encoders(semantic_encoder)
    models = ConditioningModels(
        semantic=encoders.semantic,
        codec=encoders.codec,
        campplus=encoders.campplus,
        voice=encoders.voice,
        emotions=seeded(EmotionTable((2,) * 8, STYLE, GPT_WIDTH), "emotions"),
        regulate=Regulator(),
        text_emotion=FakeTextEmotion(),
    )
    return ConditioningEncoder(models)


def recording(name, seconds=1.0, rate=16000):
    return Audio(0.1 * torch.from_numpy(normal(f"input:{name}", (1, round(seconds * rate)))), rate)


def tensors(features):
    return {field.name: getattr(features, field.name) for field in fields(features)}


def test_a_voice_has_the_shapes_its_record_promises(encoder):
    voice = encoder.encode_voice(recording("alice", seconds=1.005))
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors(voice).items()}
    frames = 22160 // 256
    assert shapes == {
        "semantic": (50, WIDTH),
        "style": (STYLE,),
        "speaker": (32, GPT_WIDTH),
        "emotion": (GPT_WIDTH,),
        "prompt_mel": (80, frames),
        "prompt_condition": (frames, CONDITION),
    }
    assert all(torch.isfinite(tensor).all() for tensor in tensors(voice).values())


def test_no_graph_is_kept(encoder):
    voice = encoder.encode_voice(recording("alice"))
    vector = encoder.encode_emotion(Emotion("audio", audio=recording("bob"), alpha=0.5), voice)
    for tensor in (*tensors(voice).values(), vector):
        assert tensor.grad_fn is None
        assert not tensor.requires_grad


def test_a_cached_voice_is_computed_once(encoder):
    first = encoder.encode_voice(recording("alice"))
    assert encoder.encode_voice(recording("alice")) is first
    assert encoder.models.regulate.calls == 1
    assert encoder.encode_voice(recording("bob")) is not first
    assert encoder.encode_voice(recording("alice"), boost=True) is not first
    assert encoder.models.regulate.calls == 3


def test_two_threads_share_one_computation(encoder):
    voices = []
    threads = [
        threading.Thread(target=lambda: voices.append(encoder.encode_voice(recording("alice")))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert encoder.models.regulate.calls == 1
    assert all(voice is voices[0] for voice in voices)


def test_what_other_voices_came_before_does_not_matter(encoder):
    alone = tensors(encoder.encode_voice(recording("alice")))
    encoder.release()
    assert len(encoder.cache) == 0
    encoder.encode_voice(recording("bob"))
    again = tensors(encoder.encode_voice(recording("alice")))
    assert all(torch.equal(alone[name], again[name]) for name in alone)


def test_the_cache_is_bounded(encoder):
    one = ConditioningEncoder(encoder.models)
    one.encode_voice(recording("alice"))
    small = ConditioningEncoder(encoder.models, cache_bytes=2 * one.cache.held_bytes)
    for name in ("alice", "bob", "carol", "dave"):
        small.encode_voice(recording(name))
    assert len(small.cache) == 2
    assert small.cache.held_bytes <= 2 * one.cache.held_bytes


def test_only_the_first_15_seconds_are_read(encoder):
    voice = encoder.encode_voice(recording("long", seconds=16, rate=8000))
    assert voice.prompt_mel.shape[1] == 15 * 22050 // 256
    assert voice.semantic.shape[0] == 749


@pytest.mark.parametrize("audio", [None, Audio(torch.zeros(1, 0), 16000), Audio(torch.zeros(1, 16000), 16000)])
def test_audio_that_cannot_serve_is_refused_and_not_cached(encoder, audio):
    with pytest.raises(AudioError):
        encoder.encode_voice(audio)
    voice = encoder.encode_voice(recording("alice"))
    with pytest.raises(AudioError):
        encoder.encode_emotion(Emotion("audio", audio=audio), voice)
    assert len(encoder.cache) == 1


def test_the_speakers_own_emotion_is_the_base(encoder):
    voice = encoder.encode_voice(recording("alice"))
    assert encoder.encode_emotion(None, voice) is voice.emotion
    assert encoder.encode_emotion(Emotion("speaker"), voice) is voice.emotion


def test_emotion_from_audio_is_mixed_by_alpha(encoder):
    voice, other = encoder.encode_voice(recording("alice")), recording("bob")
    base, emotion = voice.emotion, encoder.encode_voice(other).emotion
    for alpha in (0.0, 0.6, 1.0, 2.0):
        got = encoder.encode_emotion(Emotion("audio", audio=other, alpha=alpha), voice)
        assert torch.allclose(got, base + alpha * (emotion - base), atol=1e-5)


def test_emotion_from_a_users_vector_is_tempered(encoder):
    voice, vector = encoder.encode_voice(recording("alice")), (0.9, 0, 0.4, 0, 0, 0, 0, 0.2)
    got = encoder.encode_emotion(Emotion("vector", vector=vector, alpha=0.5), voice)
    wanted = encoder.models.emotions.blend_emotions(
        scale_weights(temper_user_weights(vector), 0.5), voice.style, voice.emotion
    )
    assert torch.equal(got, wanted)
    with pytest.raises(EmotionError):
        encoder.encode_emotion(Emotion("vector"), voice)


def test_emotion_from_text_takes_the_models_weights_as_they_are(encoder):
    voice, asked = encoder.encode_voice(recording("alice")), encoder.models.text_emotion.asked
    got = encoder.encode_emotion(Emotion("text", text="a happy surprise"), voice, "the line")
    wanted = encoder.models.emotions.blend_emotions(FakeTextEmotion.answer, voice.style, voice.emotion)
    assert torch.equal(got, wanted)
    assert asked == ["a happy surprise"]


@pytest.mark.parametrize("text", [None, "", "  "])
def test_without_a_description_the_line_itself_is_read(encoder, text):
    voice, asked = encoder.encode_voice(recording("alice")), encoder.models.text_emotion.asked
    for _ in range(2):
        encoder.encode_emotion(Emotion("text", text=text), voice, "What a day!")
    assert asked == ["What a day!"]
    with pytest.raises(EmotionError, match="empty text"):
        encoder.encode_emotion(Emotion("text", text=text), voice, "")


def test_half_precision_models_answer_in_their_own_dtype(encoder, semantic_encoder):
    encoder.models.voice.bfloat16()
    encoder.models.campplus.bfloat16()
    voice = encoder.encode_voice(recording("alice"))
    dtypes = {name: tensor.dtype for name, tensor in tensors(voice).items()}
    assert dtypes["speaker"] == dtypes["emotion"] == torch.bfloat16
    assert dtypes["semantic"] == dtypes["style"] == dtypes["prompt_mel"] == torch.float32
    vector = encoder.encode_emotion(Emotion("vector", vector=(0.1,) * 8), voice)
    assert vector.dtype == torch.bfloat16

"""Speaker rows and emotion vectors against the golden ones."""

import pytest
import torch
from helpers.golden_voice import ALPHA, EMOTION_TOKENS, SPEAKER_TOKENS, golden_encoder, golden_style, semantic_width
from indextts2_multitalk.indextts.conditioning.emotion import mix_emotions


@pytest.fixture(scope="module")
def encoder(goldens):
    return golden_encoder(goldens)


@pytest.fixture(scope="module")
def inputs(goldens):
    width = semantic_width(goldens)
    return goldens.input("spk_cond", (1, SPEAKER_TOKENS, width)), goldens.input("emo_cond", (1, EMOTION_TOKENS, width))


@torch.inference_mode()
def test_speaker_rows(goldens, close, encoder, inputs):
    figures = goldens.npz("gpt")
    golden = figures["conditioning"] if "conditioning" in figures else figures["speaker"][None]
    close(encoder.speaker_rows(inputs[0], golden_style(goldens)), golden, 1e-4)


@torch.inference_mode()
def test_emotion_vectors(goldens, close, encoder, inputs):
    figures = goldens.npz("gpt")
    base, emotion = (encoder.emotion_vector(features) for features in inputs)
    close(base, figures["emovec_speaker"], 1e-4)
    close(emotion, figures["emovec_emotion"], 1e-4)
    close(mix_emotions(base, emotion, ALPHA), figures["emovec_merged"], 1e-4)

"""Voice latents and emotion vectors against the golden ones."""

import pytest
import torch
from indextts2_multitalk.indextts.conditioning.emotion import mix_emotions
from indextts2_multitalk.indextts.conditioning.voice_encoder import IGNORED, PREFIXES, VoiceEncoder
from indextts2_multitalk.indextts.config import GPTConfig
from indextts2_multitalk.indextts.loading.strict import load_strict

SPEAKER_TOKENS, EMOTION_TOKENS = 120, 90
ALPHA = 0.6


def semantic_width(shapes, config):
    """The width the first convolution was made for: its output has (width - 1) // 2 columns, and widths are even."""
    columns = shapes["conditioning_encoder.embed.out.0.weight"][1] // config.condition_module.output_size
    return 2 * columns + 2


@pytest.fixture(scope="module")
def encoder(goldens):
    config = GPTConfig(**goldens.config["gpt"])
    width = semantic_width(goldens.shapes("gpt"), config)
    state = {name: tensor for name, tensor in goldens.state("gpt").items() if name.startswith(PREFIXES)}
    return load_strict(lambda: VoiceEncoder(config, width), state, file=goldens.folder, ignored=IGNORED)


@pytest.fixture(scope="module")
def inputs(goldens):
    width = semantic_width(goldens.shapes("gpt"), GPTConfig(**goldens.config["gpt"]))
    return goldens.input("spk_cond", (1, SPEAKER_TOKENS, width)), goldens.input("emo_cond", (1, EMOTION_TOKENS, width))


@torch.inference_mode()
def test_voice_latents(goldens, close, encoder, inputs):
    close(encoder.voice_latents(inputs[0]), goldens.npz("gpt")["conditioning"], 1e-4)


@torch.inference_mode()
def test_emotion_vectors(goldens, close, encoder, inputs):
    figures = goldens.npz("gpt")
    base, emotion = (encoder.emotion_vector(features) for features in inputs)
    close(base, figures["emovec_speaker"], 1e-4)
    close(emotion, figures["emovec_emotion"], 1e-4)
    close(mix_emotions(base, emotion, ALPHA), figures["emovec_merged"], 1e-4)

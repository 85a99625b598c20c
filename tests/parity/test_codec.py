"""IndexTTS-2.5's codec against the golden figures; its encoder, which no inference runs, out of our parts."""

import pytest
import torch
from indextts2_multitalk.indextts.conditioning.codec import (
    HALVED_IGNORED,
    HalvedCodec,
    SemanticCodec,
    rename_codec_weights,
)
from indextts2_multitalk.indextts.config import SemanticCodecConfig
from indextts2_multitalk.indextts.loading.strict import load_strict
from torch.nn import functional

VERSIONS = ("2.5",)
FEATURES = 75


@pytest.fixture(scope="module")
def config(goldens):
    return SemanticCodecConfig(**goldens.config["semantic_codec"])


@pytest.fixture(scope="module")
def codec(goldens, config):
    return load_strict(
        lambda: HalvedCodec(config),
        goldens.state("codec"),
        file=goldens.folder,
        ignored=HALVED_IGNORED,
        rename=rename_codec_weights,
    )


@torch.inference_mode()
def test_codes_become_two_features_each(goldens, close, codec):
    figures = goldens.npz("codec")
    for codes, embedded, decoded in (("codes", "quantized", "decoded"), ("other_codes", "vq2emb", "other_decoded")):
        close(codec.quantizer.embed_codes(figures[codes]), figures[embedded], 1e-4)
        close(codec.embed_codes(figures[codes]), figures[decoded], 1e-4)


@torch.inference_mode()
def test_a_recording_is_the_flows_prompt_as_it_is(goldens, config, codec):
    features = goldens.input("codec", (1, FEATURES, config.hidden_size))
    assert torch.equal(codec.prompt_content(features), features)


@torch.inference_mode()
def test_codes_are_those_of_the_encoder(goldens, close, config):
    figures, state = goldens.npz("codec"), goldens.state("codec")
    encoder = load_strict(
        lambda: SemanticCodec(config),
        dict(state),
        file=goldens.folder,
        ignored=("decoder.*", "down.*", "up.*"),
        rename=rename_codec_weights,
    )
    features = goldens.input("codec", (1, FEATURES, config.hidden_size))
    down = functional.conv1d(features.mT, state["down.weight"], state["down.bias"], stride=2, padding=1)
    downsampled = functional.gelu(down).mT
    close(downsampled, figures["downsampled"], 1e-4)
    codes, quantized = encoder.quantize(downsampled)
    assert codes.tolist() == figures["codes"].tolist()
    close(quantized, figures["quantized"], 1e-4)

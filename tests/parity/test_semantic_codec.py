"""Codes and embeddings of the semantic codec against the golden ones."""

import torch
from indextts2_multitalk.indextts.conditioning.codec import IGNORED, SemanticCodec, rename_codec_weights
from indextts2_multitalk.indextts.config import SemanticCodecConfig
from indextts2_multitalk.indextts.loading.strict import load_strict

VERSIONS = ("2.0",)


@torch.inference_mode()
def test_codec(goldens, close):
    figures = goldens.npz("semantic_codec")
    config = SemanticCodecConfig(**goldens.config["semantic_codec"])
    state = goldens.state("semantic_codec")
    codec = load_strict(
        lambda: SemanticCodec(config), state, file=goldens.folder, ignored=IGNORED, rename=rename_codec_weights
    )

    tokens = figures["codes"].shape[1]
    codes, quantized = codec.quantize(goldens.input("codec", (1, tokens, config.hidden_size)))

    assert codes.tolist() == figures["codes"].tolist()
    close(quantized, figures["quantized"], 1e-4)
    close(codec.embed_codes(figures["codes"]).mT, figures["vq2emb"], 1e-4)

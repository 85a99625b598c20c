"""Codes and embeddings of the semantic codec against the golden ones."""

import torch
from indextts2_multitalk.indextts.conditioning.codec import SemanticCodec, rename_codec_weights
from indextts2_multitalk.indextts.config import SemanticCodecConfig


@torch.inference_mode()
def test_codec(goldens, close):
    figures = goldens.npz("semantic_codec")
    config = SemanticCodecConfig(**goldens.config["semantic_codec"])
    with torch.device("meta"):
        codec = SemanticCodec(config)
    codec.load_state_dict(rename_codec_weights(goldens.state("semantic_codec")), strict=True, assign=True)

    tokens = figures["codes"].shape[1]
    codes, quantized = codec.quantize(goldens.input("codec", (1, tokens, config.hidden_size)))

    assert codes.tolist() == figures["codes"].tolist()
    close(quantized, figures["quantized"], 1e-4)
    close(codec.vq2emb(figures["codes"]).mT, figures["vq2emb"], 1e-4)

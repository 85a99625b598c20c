"""The golden run's speaker rows and emotions, computed where a folder's wide arrays hold every 7th channel alone."""

import torch
from indextts2_multitalk.indextts.conditioning.emotion import EmotionTable, mix_emotions
from indextts2_multitalk.indextts.conditioning.voice_encoder import (
    IGNORED,
    PREFIXES,
    EmotionEncoder,
    StyleVoiceEncoder,
    VoiceEncoder,
)
from indextts2_multitalk.indextts.config import GPTConfig
from indextts2_multitalk.indextts.loading.strict import load_strict

SPEAKER_TOKENS, EMOTION_TOKENS = 120, 90
ALPHA = 0.6
EMOTION_ROWS = (3, 17, 2, 8, 4, 5, 10, 24)


def golden_encoder(goldens) -> EmotionEncoder:
    """The seeded voice encoder of a goldens folder."""
    config, style_width = GPTConfig(**goldens.config["gpt"]), goldens.config["s2mel"]["style_encoder"]["dim"]
    width = semantic_width(goldens)
    state = {name: tensor for name, tensor in goldens.state("gpt").items() if name.startswith(PREFIXES)}
    builds = {
        "2.0": lambda: VoiceEncoder(config, width),
        "2.5": lambda: StyleVoiceEncoder(config, width, style_width),
    }
    return load_strict(builds[goldens.version], state, file=goldens.folder, ignored=IGNORED)


def semantic_width(goldens) -> int:
    """The width the first convolution was made for: its output has (width - 1) // 2 columns, and widths are even."""
    outputs = GPTConfig(**goldens.config["gpt"]).emo_condition_module.output_size
    return 2 * (goldens.shapes("gpt")["emo_conditioning_encoder.embed.out.0.weight"][1] // outputs) + 2


def golden_style(goldens) -> torch.Tensor:
    """[1, S]."""
    return goldens.input("style", (1, goldens.config["s2mel"]["style_encoder"]["dim"]))


@torch.inference_mode()
def whole_figures(goldens, figures: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """`figures` of gpt.npz; what the prompt is made of computed anew where channels were left out of it."""
    if figures["emovec_merged"].shape[-1] == goldens.config["gpt"]["model_dim"]:
        return figures
    encoder, width = golden_encoder(goldens), semantic_width(goldens)
    speaker, emotion = (
        goldens.input(name, (1, tokens, width))
        for name, tokens in (("spk_cond", SPEAKER_TOKENS), ("emo_cond", EMOTION_TOKENS))
    )
    base = encoder.emotion_vector(speaker)
    merged = mix_emotions(base, encoder.emotion_vector(emotion), ALPHA)
    rows = encoder.speaker_rows(speaker, golden_style(goldens))
    return figures | {"speaker": rows[0], "emovec_merged": merged}


def golden_table(goldens) -> EmotionTable:
    """The golden run's emotion table, whose matrices are inputs of it."""
    style_width, width = goldens.config["s2mel"]["style_encoder"]["dim"], goldens.config["gpt"]["model_dim"]
    table = EmotionTable(EMOTION_ROWS, style_width, width)
    rows = sum(EMOTION_ROWS)
    table.styles = goldens.input("spk_matrix", (rows, style_width))
    table.vectors = goldens.input("emo_matrix", (rows, width))
    return table

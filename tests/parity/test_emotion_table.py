"""An emotion of eight weights against the golden one: the rows chosen, their sum, and what is left of the speaker's."""

import torch
from helpers.golden_voice import EMOTION_ROWS, golden_style, golden_table, whole_figures

VERSIONS = ("2.5",)


@torch.inference_mode()
def test_eight_weights(goldens, close):
    figures, base = goldens.npz("emotion"), whole_figures(goldens, goldens.npz("gpt"))["emovec_merged"][0]
    table, style = golden_table(goldens), golden_style(goldens)[0]
    first = [sum(EMOTION_ROWS[:group]) for group in range(len(EMOTION_ROWS))]
    chosen = torch.stack([table.vectors[start + row] for start, row in zip(first, figures["rows"], strict=True)])
    weights = tuple(figures["weights"].tolist())
    mixed = table.blend_emotions(weights, style, torch.zeros_like(base))
    close(mixed[None], (figures["weights"] @ chosen)[None], 1e-5)
    close(mixed[None], figures["matrix_mix"], 1e-4)
    close(table.blend_emotions(weights, style, base)[None], figures["mixed"], 1e-4)

"""The demonstration voice with its GPT's layers in 8 bits: hardly another code."""

import copy

import pytest
import torch
from indextts2_multitalk.indextts import rendering
from indextts2_multitalk.indextts.gpt.latent_pass import latent_pass
from indextts2_multitalk.indextts.gpt.model import UnifiedVoice
from indextts2_multitalk.indextts.gpt.quantized_linear import quantize_layers
from indextts2_multitalk.indextts.options import SpeakOptions

Spoken = list[tuple[torch.Tensor, torch.Tensor]]


@pytest.fixture
def spoken(pipeline, speak, monkeypatch) -> Spoken:
    """Prompt [P, D] and codes [T] of every segment that the two say."""
    found: Spoken = []

    def keep(model, prompts, codes, *rest):
        found.extend(zip(prompts, codes, strict=True))
        return latent_pass(model, prompts, codes, *rest)

    monkeypatch.setattr(rendering, "latent_pass", keep)
    speak(pipeline, TEXTS, options=SpeakOptions(steps=1))
    return found


TEXTS = [
    text
    for line in (
        "Good evening, everyone. The train to the coast leaves in ten minutes, from the last platform on the left.",
        "I told you twice already, and I will gladly tell you a third time.",
        "Nobody knows how the story ends, and perhaps that is exactly why we keep on reading it.",
        "Where are my keys? I am sure that I left them on the table this morning.",
    )
    for text in (line, line)
]
"""Each by both speakers."""


def test_its_codes_stay(pipeline, spoken):
    exact = pipeline.modules.gpt
    small = copy.deepcopy(exact)
    quantize_layers(small)
    assert sum(len(codes) for _, codes in spoken) > 1000
    same = best_codes(small, spoken) == best_codes(exact, spoken)
    assert same.float().mean().item() >= 0.99


def best_codes(model: UnifiedVoice, spoken: Spoken) -> torch.Tensor:
    """The likeliest next code after each, teacher-forced: of the same codes for every model."""
    with torch.inference_mode():
        hidden = [latents for prompt, codes in spoken for latents in latent_pass(model, [prompt], [codes])]
        return model.mel_head(torch.cat(hidden)).argmax(-1)

"""A decoder small enough to run thousands of steps in a test, with seeded weights."""

import torch
from indextts2_multitalk.indextts.config import ConformerConfig, GPTConfig
from indextts2_multitalk.indextts.gpt.model import UnifiedVoice

CONFORMER = ConformerConfig(output_size=8, linear_units=8, attention_heads=2, num_blocks=1)


def tiny_config(**changes) -> GPTConfig:
    """Width 32, two heads, 40 codes, at most 60 of them; `changes` override fields."""
    fields = {
        "model_dim": 32,
        "heads": 2,
        "layers": 2,
        "max_mel_tokens": 60,
        "max_text_tokens": 20,
        "number_text_tokens": 30,
        "number_mel_codes": 40,
        "start_mel_token": 38,
        "stop_mel_token": 39,
        "condition_module": CONFORMER,
        "emo_condition_module": CONFORMER,
    }
    return GPTConfig(**{**fields, **changes})


def tiny_voice(seed: int = 0, scale: float = 0.5, **changes) -> UnifiedVoice:
    """Random weights; `scale` is large enough for logits that differ clearly."""
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        model = UnifiedVoice(tiny_config(**changes))
    state = {
        name: 1 + torch.randn(t.shape, generator=generator) * 0.1
        if ("ln_" in name or "norm" in name) and name.endswith("weight")
        else torch.randn(t.shape, generator=generator) * scale
        for name, t in model.state_dict().items()
    }
    model.load_state_dict(state, strict=True, assign=True)
    return model.requires_grad_(False).eval()


def random_prompt(model: UnifiedVoice, length: int, seed: int) -> torch.Tensor:
    """[length, D]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(length, model.config.model_dim, generator=generator)

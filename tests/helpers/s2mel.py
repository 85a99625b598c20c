"""A small seeded S2Mel and lines for it, made without any golden folder."""

from typing import Any

import torch
from helpers.released_names import s2mel_shapes
from helpers.seeded import normal, seeded_state
from indextts2_multitalk.s2mel.config import S2MelConfig
from indextts2_multitalk.s2mel.model import FlowLine, S2Mel
from indextts2_multitalk.s2mel.weights import rename_s2mel_weights

CONFIG: dict[str, Any] = {
    "length_regulator": {
        "channels": 48,
        "in_channels": 64,
        "sampling_ratios": [1, 1, 1, 1],
        "content_codebook_size": 8,
    },
    "DiT": {
        "hidden_dim": 64,
        "num_heads": 2,
        "depth": 5,
        "content_dim": 48,
        "in_channels": 80,
        "content_codebook_size": 8,
    },
    "wavenet": {"hidden_dim": 64, "num_layers": 3, "kernel_size": 5, "dilation_rate": 1},
    "style_encoder": {"dim": 24},
}
LATENT_WIDTH = 40


def released_state() -> dict[str, torch.Tensor]:
    """A flattened `s2mel.pth` of seeded weights."""
    state: dict[str, torch.Tensor] = {}
    for part, shapes in s2mel_shapes({"s2mel": CONFIG}, LATENT_WIDTH).items():
        seeded = seeded_state(f"s2mel.{part}", {name: list(shape) for name, shape in shapes.items()})
        state |= {f"{part}.{name}": tensor for name, tensor in seeded.items()}
    return state


def small_model() -> S2Mel:
    """Float32 on the CPU."""
    with torch.device("meta"):
        model = S2Mel(S2MelConfig.model_validate(CONFIG), LATENT_WIDTH)
    model.load_state_dict(rename_s2mel_weights(released_state()), strict=True, assign=True)
    return model.eval()


def line(name: str, prompt_frames: int, frames: int, seed: int = 0) -> FlowLine:
    """A line of random conditions that depend on `name` alone."""
    width, style = CONFIG["DiT"]["content_dim"], CONFIG["style_encoder"]["dim"]

    def draw(part: str, *shape: int) -> torch.Tensor:
        return torch.from_numpy(normal(f"{name}.{part}", shape))

    return FlowLine(
        draw("prompt_condition", prompt_frames, width),
        draw("condition", frames, width),
        draw("prompt_mel", 80, prompt_frames),
        draw("style", style),
        seed,
    )

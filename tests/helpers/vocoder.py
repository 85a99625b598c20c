"""A small seeded BigVGAN that does not clip, so that every sample tells."""

from typing import Any

import torch
from helpers.released_names_audio import bigvgan_shapes
from helpers.seeded import normal, seeded_state
from indextts2_multitalk.indextts.config import BigVGANConfig
from indextts2_multitalk.indextts.vocoder.bigvgan import BigVGAN, rename_bigvgan_weights

CONFIG: dict[str, Any] = {
    "num_mels": 80,
    "upsample_rates": [4, 2],
    "upsample_kernel_sizes": [8, 4],
    "upsample_initial_channel": 32,
    "resblock_kernel_sizes": [3, 5],
    "resblock_dilation_sizes": [[3], [2]],
    "use_tanh_at_final": False,
    "use_bias_at_final": False,
}


def small_vocoder() -> BigVGAN:
    """Float32 on the CPU; 8 samples a frame."""
    state = seeded_state("bigvgan", {name: list(shape) for name, shape in bigvgan_shapes(CONFIG).items()})
    state["conv_post.weight_g"] = 0.02 * state["conv_post.weight_g"]
    with torch.device("meta"):
        model = BigVGAN(BigVGANConfig.model_validate(CONFIG))
    model.load_state_dict(rename_bigvgan_weights(state), strict=True, assign=True)
    return model.eval()


def mel(name: str, frames: int) -> torch.Tensor:
    """A random log-mel [80, frames] that depends on `name` and the size alone."""
    return torch.from_numpy(normal(f"mel.{name}", (80, frames)))

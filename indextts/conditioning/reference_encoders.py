"""All that models hear in a recording, from its band energies: one function, so that it can be one CUDA graph.

F frames (100 a second), T tokens (50), W semantic width, D the GPT's width.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .campplus import CAMPPlus
from .codec import SemanticCodec
from .features import centred, log_energies
from .semantic import SemanticEncoder
from .voice_encoder import VoiceEncoder


@dataclass(frozen=True)
class Listeners:
    """The models that hear; all on one device."""

    semantic: SemanticEncoder
    codec: SemanticCodec
    campplus: CAMPPlus
    voice: VoiceEncoder

    @property
    def modules(self) -> tuple[nn.Module, ...]:
        return self.semantic, self.codec, self.campplus, self.voice


class Heard(NamedTuple):
    """semantic [1, T, W], quantized [1, T, W], style [S]: float32. latents [32, D], emotion [D]: the voice encoder's
    dtype."""

    semantic: Tensor
    quantized: Tensor
    style: Tensor
    latents: Tensor
    emotion: Tensor


def hear(models: Listeners, energies: Tensor, room: Tensor | None = None) -> Heard:
    """`KaldiFilterBank` energies [F, bands] of one recording. `room` [F]: see `padding.py`; F is then a multiple of the
    semantic model's stride, and tokens in the room mean nothing."""
    semantic = models.semantic(energies, room)
    beyond = None if room is None else room[:: models.semantic.stride]  # half a token is a token
    heard = semantic.to(_dtype(models.voice))
    _, quantized = models.codec.quantize(semantic.to(_dtype(models.codec)), beyond)
    fbank = centred(log_energies(energies), room)
    return Heard(
        semantic,
        quantized.float(),
        models.campplus(fbank[None].to(_dtype(models.campplus)), room)[0].float(),
        models.voice.latents(heard, beyond)[0],
        models.voice.emotion(heard, beyond)[0],
    )


def _dtype(module: nn.Module) -> torch.dtype:
    return next(module.parameters()).dtype

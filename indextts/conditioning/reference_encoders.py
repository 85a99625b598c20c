"""The reference encoders: from a recording's band energies to all that is read off it, in one capturable function.

F frames (100 a second), T tokens (50), W semantic width, D the GPT's width.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .campplus import CAMPPlus
from .codec import HalvedCodec, SemanticCodec
from .features import log_energies, subtract_mean
from .semantic import SemanticEncoder
from .voice_encoder import EmotionEncoder

FRAME_NUMBERS = 80_000
"""That the released encoders hold at once for a frame: the voice encoder's subsampling, its 512 channels, and gaps."""


@dataclass(frozen=True)
class ReferenceEncoders:
    """The models that read reference audio; all on one device."""

    semantic: SemanticEncoder
    codec: SemanticCodec | HalvedCodec
    campplus: CAMPPlus
    voice: EmotionEncoder

    @property
    def modules(self) -> tuple[nn.Module, ...]:
        return self.semantic, self.codec, self.campplus, self.voice


class ReferenceFeatures(NamedTuple):
    """semantic [1, T, W], content [1, T, W] for the flow's prompt, style [S]: float32. speaker [R, D], emotion [D]: the
    voice encoder's dtype."""

    semantic: Tensor
    content: Tensor
    style: Tensor
    speaker: Tensor
    emotion: Tensor


def encode_reference(
    models: ReferenceEncoders, energies: Tensor, padding_mask: Tensor | None = None
) -> ReferenceFeatures:
    """Features of one recording's `KaldiFilterBank` energies [F, bands].

    `padding_mask` [F]: see `padding.py`; F is then a multiple of the semantic model's stride, and tokens of padding
    mean nothing.
    """
    semantic = models.semantic(energies, padding_mask)
    token_padding = None if padding_mask is None else padding_mask[:: models.semantic.stride]  # half a token is a token
    features = semantic.to(_weights_dtype(models.voice))
    content = models.codec.prompt_content(semantic.to(_weights_dtype(models.codec)), token_padding)
    fbank = subtract_mean(log_energies(energies), padding_mask)
    style = models.campplus(fbank[None].to(_weights_dtype(models.campplus)), padding_mask).float()
    return ReferenceFeatures(
        semantic,
        content.float(),
        style[0],
        models.voice.speaker_rows(features, style, token_padding)[0],
        models.voice.emotion_vector(features, token_padding)[0],
    )


def _weights_dtype(module: nn.Module) -> torch.dtype:
    return next(module.parameters()).dtype

"""The voice encoder, a part of the GPT checkpoint: semantic features to voice latents and to an emotion vector.

B recordings, T semantic tokens, W semantic width, D the GPT's width.
"""

from torch import Tensor, nn

from ..config import ConformerConfig, GPTConfig
from .conformer import Conformer, subsample_mask
from .perceiver import Perceiver

VOICE_LATENTS = 32
EMOTION_WIDTH = 1024
PREFIXES = (
    "conditioning_encoder.",
    "perceiver_encoder.",
    "emo_conditioning_encoder.",
    "emo_perceiver_encoder.",
    "emovec_layer.",
    "emo_layer.",
)
"""Prefixes of the tensors of a GPT checkpoint that belong here; the rest is the decoder's."""
IGNORED = ("*.embed.pos_enc.pe",)


class VoiceEncoder(nn.Module):
    """With the released tensor names."""

    def __init__(self, config: GPTConfig, semantic_width: int) -> None:
        super().__init__()
        voice, emotion, width = config.condition_module, config.emo_condition_module, config.model_dim
        self.conditioning_encoder = Conformer(voice, semantic_width)
        self.perceiver_encoder = _build_perceiver(voice, width, VOICE_LATENTS)
        self.emo_conditioning_encoder = Conformer(emotion, semantic_width)
        self.emo_perceiver_encoder = _build_perceiver(emotion, EMOTION_WIDTH, 1)
        self.emovec_layer = nn.Linear(EMOTION_WIDTH, width)
        self.emo_layer = nn.Linear(width, width)

    def voice_latents(self, semantic: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Who speaks, as latents: semantic features [B, T, W] to [B, 32, D]. `padding_mask` [T] as in `padding.py`."""
        positions = subsample_mask(padding_mask)
        return self.perceiver_encoder(self.conditioning_encoder(semantic, positions), positions)

    def emotion_vector(self, semantic: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """How it is said: semantic features [B, T, W] to [B, D]. `padding_mask` [T]: see `padding.py`."""
        positions = subsample_mask(padding_mask)
        vector = self.emo_perceiver_encoder(self.emo_conditioning_encoder(semantic, positions), positions).squeeze(1)
        return self.emo_layer(self.emovec_layer(vector))


def _build_perceiver(config: ConformerConfig, width: int, latents: int) -> Perceiver:
    return Perceiver(width, config.output_size, latents, config.attention_heads, config.perceiver_mult)

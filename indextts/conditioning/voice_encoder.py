"""The voice encoder, a part of the GPT checkpoint: who speaks, as prompt rows, and how, as an emotion vector.

B recordings, T semantic tokens, W semantic width, D the GPT's width, S the style's width.
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
    "spk_emb_proj.",
    "emo_conditioning_encoder.",
    "emo_perceiver_encoder.",
    "emovec_layer.",
    "emo_layer.",
)
"""Prefixes of the tensors of a GPT checkpoint that belong here; the rest is the decoder's."""
IGNORED = ("*.embed.pos_enc.pe",)


class EmotionEncoder(nn.Module):
    """What the voice encoders of all versions share, with the released tensor names."""

    def _add_emotion_layers(self, config: GPTConfig, semantic_width: int) -> None:
        emotion, width = config.emo_condition_module, config.model_dim
        self.emo_conditioning_encoder = Conformer(emotion, semantic_width)
        self.emo_perceiver_encoder = _build_perceiver(emotion, EMOTION_WIDTH, 1)
        self.emovec_layer = nn.Linear(EMOTION_WIDTH, width)
        self.emo_layer = nn.Linear(width, width)

    def speaker_rows(self, semantic: Tensor, style: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Who speaks, as prompt rows [B, R, D], of semantic features [B, T, W] or the style [B, S]. `padding_mask` [T]
        as in `padding.py`."""
        raise NotImplementedError

    def emotion_vector(self, semantic: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """How it is said: semantic features [B, T, W] to [B, D]. `padding_mask` [T]: see `padding.py`."""
        positions = subsample_mask(padding_mask)
        vector = self.emo_perceiver_encoder(self.emo_conditioning_encoder(semantic, positions), positions).squeeze(1)
        return self.emo_layer(self.emovec_layer(vector))


class VoiceEncoder(EmotionEncoder):
    """IndexTTS-2's: the voice is latents of the semantic features."""

    def __init__(self, config: GPTConfig, semantic_width: int) -> None:
        super().__init__()
        self.conditioning_encoder = Conformer(config.condition_module, semantic_width)
        self.perceiver_encoder = _build_perceiver(config.condition_module, config.model_dim, VOICE_LATENTS)
        self._add_emotion_layers(config, semantic_width)

    def voice_latents(self, semantic: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Semantic features [B, T, W] to [B, 32, D]. `padding_mask` [T] as in `padding.py`."""
        positions = subsample_mask(padding_mask)
        return self.perceiver_encoder(self.conditioning_encoder(semantic, positions), positions)

    def speaker_rows(self, semantic: Tensor, style: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """The latents; the style says nothing here."""
        return self.voice_latents(semantic, padding_mask)


class StyleVoiceEncoder(EmotionEncoder):
    """IndexTTS-2.5's: the voice is one row, a projection of the style."""

    def __init__(self, config: GPTConfig, semantic_width: int, style_width: int) -> None:
        super().__init__()
        self.spk_emb_proj = nn.Linear(style_width, config.model_dim)
        self._add_emotion_layers(config, semantic_width)

    def speaker_rows(self, semantic: Tensor, style: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """[B, 1, D] of the style; what is said there does not matter."""
        return self.spk_emb_proj(style.to(self.spk_emb_proj.weight.dtype))[:, None]


def _build_perceiver(config: ConformerConfig, width: int, latents: int) -> Perceiver:
    return Perceiver(width, config.output_size, latents, config.attention_heads, config.perceiver_mult)

"""The part of the GPT checkpoint that listens: semantic features to voice latents and to an emotion vector.

B recordings, T semantic tokens, W semantic width, D the GPT's width.
"""

from torch import Tensor, nn

from ..config import ConformerConfig, GPTConfig
from .conformer import Conformer, subsampled
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
"""What of the checkpoint belongs here; the rest is the decoder's."""
IGNORED = ("*.embed.pos_enc.pe",)


class VoiceEncoder(nn.Module):
    """With the released tensor names."""

    def __init__(self, config: GPTConfig, semantic_width: int) -> None:
        super().__init__()
        voice, emotion, width = config.condition_module, config.emo_condition_module, config.model_dim
        self.conditioning_encoder = Conformer(voice, semantic_width)
        self.perceiver_encoder = _perceiver(voice, width, VOICE_LATENTS)
        self.emo_conditioning_encoder = Conformer(emotion, semantic_width)
        self.emo_perceiver_encoder = _perceiver(emotion, EMOTION_WIDTH, 1)
        self.emovec_layer = nn.Linear(EMOTION_WIDTH, width)
        self.emo_layer = nn.Linear(width, width)

    def latents(self, semantic: Tensor, room: Tensor | None = None) -> Tensor:
        """Who speaks: semantic features [B, T, W] to [B, 32, D]. `room` [T]: see `padding.py`."""
        positions = subsampled(room)
        return self.perceiver_encoder(self.conditioning_encoder(semantic, positions), positions)

    def emotion(self, semantic: Tensor, room: Tensor | None = None) -> Tensor:
        """How it is said: semantic features [B, T, W] to [B, D]. `room` [T]: see `padding.py`."""
        positions = subsampled(room)
        heard = self.emo_perceiver_encoder(self.emo_conditioning_encoder(semantic, positions), positions).squeeze(1)
        return self.emo_layer(self.emovec_layer(heard))


def _perceiver(config: ConformerConfig, width: int, latents: int) -> Perceiver:
    return Perceiver(width, config.output_size, latents, config.attention_heads, config.perceiver_mult)


def rename_voice_encoder_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a GPT checkpoint that belong here, less the position tables: those are computed."""
    return {
        name: tensor for name, tensor in state.items() if name.startswith(PREFIXES) and not name.endswith(".pos_enc.pe")
    }

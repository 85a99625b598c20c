"""Prompts of voices that are no longer trained, heard once before the stage: on a CPU they are two fifths of an update.

S speakers, E deliveries, K windows of each, B utterances, W feature width, D the decoder's width.
"""

import numpy as np
import torch
from indextts2_multitalk.indextts.conditioning.voice_encoder import VoiceEncoder
from torch import Tensor

from .corpus import Windows
from .references import Heard, Roles
from .speakers import NEUTRAL

WINDOW_CODES = (80, 140, 240, 400)
CODES_PER_BATCH = 12000


class KnownVoices:
    """What `encoder` hears in `WINDOW_CODES` of every speaker's every delivery."""

    @torch.no_grad()
    def __init__(self, encoder: VoiceEncoder, heard: Heard, windows: Windows) -> None:
        encoder.eval()
        self._speakers = windows.speakers
        rng = np.random.default_rng(0)
        latents, emotions = [], []
        for codes in WINDOW_CODES:
            *_, starts = windows.of_everyone(codes, rng)
            batches = starts.split(CODES_PER_BATCH // codes)
            features = [heard.corpus.take(heard.features, batch, codes).float() for batch in batches]
            latents.append(torch.cat([encoder.voice_latents(clip) for clip in features]))
            emotions.append(torch.cat([encoder.emotion_vector(clip) for clip in features]))
        shape = (len(self._speakers), NEUTRAL + 1)
        self._latents = torch.stack(latents, dim=1).unflatten(0, shape)  # [S, E, K, 32, D]
        self._emotions = torch.stack(emotions, dim=1).unflatten(0, shape)  # [S, E, K, D]

    def prompt(self, roles: Roles, rng: np.random.Generator) -> Tensor:
        """Latents with the emotion added, [B, 32, D]."""
        voices = self._places(roles.speakers, roles.voiced_as, rng)
        return self._latents[voices] + self._emotions[self._places(roles.felt_by, roles.emotions, rng)][:, None]

    def _places(self, speakers: np.ndarray, deliveries: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, ...]:
        windows = rng.integers(len(WINDOW_CODES), size=len(speakers))
        return tuple(map(torch.from_numpy, (np.searchsorted(self._speakers, speakers), deliveries, windows)))

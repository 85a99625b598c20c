"""What the flow is told of an utterance, computed once by the trained decoder and CAMPPlus: it would be half of every
update, and hardly differs from one reference to the next.

C codes, B utterances, D the decoder's width, S speakers, E deliveries, K windows of each.
"""

from dataclasses import dataclass

import numpy as np
import torch
from indextts2_multitalk.indextts.conditioning.campplus import CAMPPlus
from indextts2_multitalk.indextts.gpt.model import UnifiedVoice
from torch import Tensor

from .acoustics import Acoustics, style_input
from .corpus import Corpus, Windows
from .gpt_stage import GPTStage
from .references import Heard, draw_references
from .sequence import run_decoder
from .speakers import NEUTRAL

CODES_PER_BATCH = 24000


@dataclass(frozen=True, eq=False)
class Conditions:
    """latents: float16 [C, D], the decoder's states in its second pass. styles: float32 [S, E, K, 192]."""

    latents: Tensor
    styles: Tensor


@torch.no_grad()
def conditions_of(
    gpt: GPTStage, heard: Heard, campplus: CAMPPlus, acoustics: Acoustics, style_codes: tuple[int, ...]
) -> Conditions:
    """Of every utterance and every speaker of a corpus. style_codes: how long the windows are that styles come from."""
    rng, windows = np.random.default_rng(0), Windows(heard.corpus)
    return Conditions(
        _latents(gpt, heard, windows, rng),
        torch.stack([_styles(heard.corpus, windows, campplus, acoustics, n, rng) for n in style_codes], dim=2),
    )


def _latents(gpt: GPTStage, heard: Heard, windows: Windows, rng: np.random.Generator) -> Tensor:
    """Each utterance after references drawn as in training; its codes stand at 1, 2, …"""
    corpus = heard.corpus
    decoder: UnifiedVoice = gpt.modules["gpt"]
    latents = torch.zeros(corpus.codes, decoder.config.model_dim, dtype=torch.float16, device=corpus.device)
    longest = decoder.mel_pos_embedding.emb.num_embeddings - 2
    for numbers, length in corpus.batches(CODES_PER_BATCH):
        if length > longest:
            continue
        starts = corpus.starts[numbers]
        text, counts = gpt.text(heard.reader, numbers, 0)
        voice = gpt.prompt(draw_references(heard, windows, numbers, rng))
        hidden = run_decoder(decoder, voice, text, counts, corpus.take(heard.codes, starts, length), 1)
        rows = (starts[:, None] + torch.arange(length)).flatten().to(corpus.device)
        latents[rows] = hidden.codes[:, :-1].flatten(0, 1).half()
    return latents


def _styles(
    corpus: Corpus, windows: Windows, campplus: CAMPPlus, acoustics: Acoustics, codes: int, rng: np.random.Generator
) -> Tensor:
    """[S, E, 192] of a window of `codes` codes of each speaker's every delivery; rows of numbers nobody has are 0."""
    speakers, emotions, starts = windows.of_everyone(codes, rng)
    batches = starts.split(CODES_PER_BATCH // codes)
    found = torch.cat([style_of(campplus, acoustics, corpus.clips16(batch, codes)) for batch in batches])
    styles = found.new_zeros(len(corpus.pitch_hz), NEUTRAL + 1, found.shape[-1])
    styles[torch.from_numpy(speakers), torch.from_numpy(emotions)] = found
    return styles


def style_of(campplus: CAMPPlus, acoustics: Acoustics, wav16: Tensor) -> Tensor:
    """float32 [B, 192]."""
    with torch.autocast(wav16.device.type, torch.bfloat16, enabled=wav16.is_cuda):
        return campplus(style_input(acoustics.energies(wav16))).float()

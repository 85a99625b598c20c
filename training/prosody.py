"""Pitch and level of every code of a corpus: what the decoder's hidden states learn to know beside the codes.

C codes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .acoustics import EDGE16, SAMPLES16, pitch
from .corpus import Corpus
from .semantic_stage import MIDDLE_HZ

CHUNK_CODES, CHUNKS = 400, 80


@dataclass(frozen=True, eq=False)
class Prosody:
    """octaves: pitch over 130 Hz, voiced: bool, level: logarithm of the amplitude, about -1…1. All [C]."""

    octaves: Tensor
    voiced: Tensor
    level: Tensor


@torch.no_grad()
def prosody_of(corpus: Corpus) -> Prosody:
    """Each speaker's pitch is searched around what it was synthesized at."""
    middle = torch.zeros(corpus.codes)
    usual = corpus.pitch_hz[corpus.speakers].repeat_interleave(corpus.lengths)
    middle[: len(usual)] = usual
    parts = []
    for start in range(0, corpus.codes, CHUNKS * CHUNK_CODES):
        starts = torch.arange(start, min(start + CHUNKS * CHUNK_CODES, corpus.codes), CHUNK_CODES)
        wav = corpus.clips16(starts, CHUNK_CODES)
        centre = middle[(starts + CHUNK_CODES // 2).clamp_max(corpus.codes - 1)].to(corpus.device)
        hz, voiced = pitch(wav, centre)
        level = wav[:, : wav.shape[1] - EDGE16].unfold(1, SAMPLES16, SAMPLES16).square().mean(-1).clamp_min(1e-7).log()
        parts.append(torch.stack((torch.log2(hz / MIDDLE_HZ), voiced.float(), 0.25 * level + 2.0)).flatten(1))
    octaves, voiced, level = torch.cat(parts, dim=1)[:, : corpus.codes]
    return Prosody(octaves, voiced.bool(), level)

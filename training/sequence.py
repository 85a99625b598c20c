"""Whole utterances as the decoder's input: prompt and codes in one batch, laid out as the pack's prompt is.

[32 latents + emotion][normal speed][half speed][start text … stop text][start code, codes …]
B utterances, N text tokens with start and stop, T codes, L rows in all, D width.
"""

from dataclasses import dataclass

import torch
from indextts2_multitalk.indextts.gpt.model import UnifiedVoice
from indextts2_multitalk.indextts.gpt.prompt import SPEED_ROWS
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Hidden:
    """Hidden states. codes: [B, T + 1, D], row i predicts code i. text: [B, N, D]; rows beyond a text mean nothing."""

    codes: Tensor
    text: Tensor


def run_decoder(
    model: UnifiedVoice, voice: Tensor, text: Tensor, counts: Tensor, codes: Tensor, first_position: int
) -> Hidden:
    """voice: latents with the emotion added [B, 32, D]. text: [B, N] padded, of which `counts` [B] are real.

    codes: [B, T]. first_position: where the first code stands; the start code is at 0. Decoding counts on from 2, the
    latent pass from 1.
    """
    batch, length = codes.shape
    device = codes.device
    speed = model.speed_emb(torch.tensor(SPEED_ROWS, device=device)).expand(batch, -1, -1)
    texts = model.text_embedding(text) + model.text_pos_embedding(torch.arange(text.shape[1], device=device))
    start = torch.full((batch, 1), model.config.start_mel_token, device=device)
    places = torch.cat(
        (torch.zeros(1, dtype=torch.int64, device=device), first_position + torch.arange(length, device=device))
    )
    spoken = model.embed_codes(torch.cat((start, codes), dim=1), places.expand(batch, -1))
    head = torch.cat((voice, speed.to(voice.dtype)), dim=1)
    table = torch.cat((head, texts.to(voice.dtype), spoken.to(voice.dtype)), dim=1)
    rows, before = _layout(head.shape[1], text.shape[1], length + 1, counts)
    hidden = model(_pick(table, rows))
    text_rows = head.shape[1] + torch.arange(text.shape[1], device=device).expand(batch, -1)
    return Hidden(_pick(hidden, before[:, None] + torch.arange(length + 1, device=device)), _pick(hidden, text_rows))


def _layout(head: int, text: int, codes: int, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Which row of [head | padded text | codes] stands at each place, [B, L], and each line's first code, [B].

    Lines with less text have the room at their end, where causal attention never looks.
    """
    place = torch.arange(head + text + codes, device=counts.device)
    before = head + counts
    shifted = place + (text - counts)[:, None]
    rows = torch.where(place < before[:, None], place, shifted)
    return rows.clamp_max(head + text + codes - 1), before


def _pick(table: Tensor, rows: Tensor) -> Tensor:
    return table.gather(1, rows[..., None].expand(-1, -1, table.shape[-1]))

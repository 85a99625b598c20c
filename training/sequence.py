"""Whole utterances as the decoder's input: prompt and codes in one batch, laid out as the pack's prompt is.

[32 latents + emotion][normal speed][half speed][start text … stop text][start code, codes …]
B utterances, N text tokens with start and stop, T codes, L rows in all, D width.
"""

from dataclasses import dataclass
from typing import Any

import torch
from indextts2_multitalk.indextts.config import GPTConfig
from indextts2_multitalk.indextts.gpt.model import SPEED_ROWS, UnifiedVoice
from torch import Tensor
from torch.nn import functional

GUIDED_HEADS = 2
"""Of the guided layer: one to look at the token that is being spoken, one at the token after it."""


@dataclass(frozen=True, eq=False)
class Hidden:
    """codes: hidden states [B, T + 1, D], row i predicts code i. looks: scores [B, H, T, N] by which the guided heads
    look at each text token; those of tokens beyond a text mean nothing.
    """

    codes: Tensor
    looks: Tensor


def run_decoder(
    model: UnifiedVoice, voice: Tensor, text: Tensor, counts: Tensor, codes: Tensor, first_position: int
) -> Hidden:
    """voice: latents with the emotion added [B, 32, D]. text: [B, N] padded, of which `counts` [B] are real.

    codes: [B, T]. first_position: where the first code stands; the start code is at 0. Decoding counts on from 2, the
    latent pass from 1.
    """
    batch, length = codes.shape
    device = codes.device
    speed = torch.stack([model.speed_emb.weight[row] for row in SPEED_ROWS]).expand(batch, -1, -1)
    texts = model.text_embedding(text) + model.text_pos_embedding(torch.arange(text.shape[1], device=device))
    start = torch.full((batch, 1), model.config.start_mel_token, device=device)
    places = functional.pad(first_position + torch.arange(length, device=device), (1, 0))
    spoken = model.embed_codes(torch.cat((start, codes), dim=1), places)
    head = torch.cat((voice.float(), speed), dim=1)
    rows, before = _layout(head.shape[1], text.shape[1], length + 1, counts)
    code_rows = before[:, None] + torch.arange(length + 1, device=device)
    text_rows = head.shape[1] + torch.arange(text.shape[1], device=device).expand(batch, -1)
    attention: Any = model.gpt.h[guided_layer(model.config)].attn
    heard: list[Tensor] = []
    hook = attention.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    hidden = model(_pick(torch.cat((head, texts, spoken), dim=1), rows))
    hook.remove()
    looks = _looks(attention, _pick(heard[0], code_rows[:, :-1]), _pick(heard[0], text_rows))
    return Hidden(_pick(hidden, code_rows), looks)


def guided_layer(config: GPTConfig) -> int:
    """Late enough to know what has been said, early enough for the layers above to speak what they read."""
    return config.layers * 3 // 8


def _looks(attention: Any, codes: Tensor, text: Tensor) -> Tensor:
    """Scores [B, H, T, N] of the first heads, from what the layer's attention hears at codes and text tokens."""
    heads = min(GUIDED_HEADS, attention.heads)
    queries, keys, _ = attention.c_attn.weight.chunk(3)
    query_bias, key_bias, _ = attention.c_attn.bias.chunk(3)
    width = heads * (codes.shape[-1] // attention.heads)
    query = functional.linear(codes, queries[:width], query_bias[:width]).unflatten(-1, (heads, -1)).transpose(1, 2)
    key = functional.linear(text, keys[:width], key_bias[:width]).unflatten(-1, (heads, -1)).transpose(1, 2)
    return query @ key.mT / query.shape[-1] ** 0.5


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

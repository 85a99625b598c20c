"""The prompt: embeddings that the decoder is conditioned on (prefill).

Dimensions: P prompt rows, D width, N text ids.
[32 latents + emotion][normal speed][half speed][start text … stop text][start code]
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..config import GPTConfig
from .model import UnifiedVoice

SPEED_ROWS = (1, 0)
"""Rows of `speed_emb` in the order they stand in the prompt. Speed is set in the length regulator, not here."""

PLACEHOLDER_CODE = 1
"""The token id that stands for the prompt in the released decoding: the repetition penalty therefore covers it."""


def build_prompt(model: UnifiedVoice, latents: Tensor, emotion: Tensor, text_ids: Sequence[int]) -> Tensor:
    """Embeddings [P, D] of one segment, P = 32 + 2 + (N + 2) + 1, in the model's dtype.

    latents: [32, D] of the voice. emotion: [D], added to each. text_ids: the segment's N tokens, start and stop not
    among them. Raises `ValueError` where the model has no text position left.
    """
    device, dtype = model.mel_head.weight.device, model.mel_head.weight.dtype
    voice = latents.to(device, dtype) + emotion.to(device, dtype)
    speed = model.speed_emb(torch.tensor(SPEED_ROWS, device=device))
    start = torch.tensor([model.config.start_mel_token], device=device)
    return torch.cat((voice, speed, _text_rows(model, text_ids), model.embed_codes(start, torch.zeros_like(start))))


def initial_penalty_tokens(config: GPTConfig) -> tuple[int, ...]:
    """A request's `history`: the codes that the repetition penalty covers before any is drawn."""
    return (PLACEHOLDER_CODE, config.start_mel_token)


def _text_rows(model: UnifiedVoice, text_ids: Sequence[int]) -> Tensor:
    """[start][text][stop] embedded, [N + 2, D]. Start and stop ids inside the text are left out, as in training."""
    start, stop = model.config.start_text_token, model.config.stop_text_token
    ids = [start, *(i for i in text_ids if i not in (start, stop)), stop]
    rows = model.text_pos_embedding.emb.num_embeddings
    if len(ids) > rows:
        raise ValueError(f"got {len(ids) - 2} text tokens, expected at most {rows - 2}; split the text")
    device = model.text_embedding.weight.device
    return model.text_embedding(torch.tensor(ids, device=device)) + model.text_pos_embedding(
        torch.arange(len(ids), device=device)
    )

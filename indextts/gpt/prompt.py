"""The prompt: embeddings that the decoder is conditioned on (prefill).

Dimensions: P prompt rows, D width, N text ids.
IndexTTS-2:   [32 latents + emotion][normal speed][half speed][start text … stop text][start code]
IndexTTS-2.5: [speaker + emotion][zeros][zeros][start text … stop text, each + language][start code]
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..config import GPTConfig
from ..errors import CheckpointError
from .model import UnifiedVoice

PLACEHOLDER_CODE = 1
"""The token id that stands for the prompt in the released decoding: the repetition penalty therefore covers it."""


def build_prompt(
    model: UnifiedVoice,
    speaker: Tensor,
    emotion: Tensor,
    text_ids: Sequence[int],
    language_row: int | None = None,
) -> Tensor:
    """Embeddings [P, D] of one segment, P = S + 2 + (N + 2) + 1, in the model's dtype.

    speaker: rows [S, D] of the voice. emotion: [D], added to each. text_ids: the segment's N tokens; start and stop
    among them are left out, as in training. language_row: of a model that knows several languages. Raises `ValueError`
    where the model has no text position or no such language, `CheckpointError` where it has no such token.
    """
    device, dtype = model.mel_head.weight.device, model.mel_head.weight.dtype
    if (language_row is not None) != bool(model.language_rows) or (language_row or 0) not in _languages(model):
        raise ValueError(f"got the language row {language_row}, expected one of the model's {model.language_rows}")
    voice = speaker.to(device, dtype) + emotion.to(device, dtype)
    text = model.embed_text(_delimit_text(model, text_ids).to(device), language_row)
    start = torch.tensor([model.config.start_mel_token], device=device)
    return torch.cat((voice, model.embed_speed(), text, model.embed_codes(start, torch.zeros_like(start))))


def initial_penalty_tokens(config: GPTConfig) -> tuple[int, ...]:
    """A request's `history`: the codes that the repetition penalty covers before any is drawn."""
    return (PLACEHOLDER_CODE, config.start_mel_token)


def _languages(model: UnifiedVoice) -> range:
    return range(max(1, model.language_rows))


def _delimit_text(model: UnifiedVoice, text_ids: Sequence[int]) -> Tensor:
    """[start][text][stop], [N + 2]."""
    start, stop = model.config.start_text_token, model.config.stop_text_token
    ids = [start, *(i for i in text_ids if i not in (start, stop)), stop]
    rows = model.text_pos_embedding.emb.num_embeddings
    if len(ids) > rows:
        raise ValueError(f"got {len(ids) - 2} text tokens, expected at most {rows - 2}; split the text")
    if (highest := max(ids)) > model.config.number_text_tokens:
        raise CheckpointError(
            f"got the text token {highest}, expected at most {model.config.number_text_tokens}: the vocabulary file is "
            "another model's; take the one that came with gpt.pth"
        )
    return torch.tensor(ids)

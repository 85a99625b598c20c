"""The latent pass: codes once more through the decoder (teacher forcing), for the hidden states that s2mel reads.

Dimensions: B lines, P prompt rows, T codes, D width.
Unlike decoding, this pass numbers mel positions 0, 1, 2, … without a gap, so hidden states of the decode steps are
not the same figures and cannot stand in for it.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from .model import UnifiedVoice

POSITION_WIDTHS = 22
"""Of a position's activations: the feed-forward's middle before and after its gate 4 each, queries, keys and values of
two layers 3 each, the residual stream and its parts, the embeddings; and gaps between them."""


def count_position_bytes(width: int, itemsize: int) -> int:
    """What the pass takes for each position, padding counted."""
    return POSITION_WIDTHS * width * itemsize


@torch.inference_mode()
def latent_pass(
    model: UnifiedVoice,
    prompts: Sequence[Tensor],
    codes: Sequence[Tensor],
    hidden_states: Callable[[Tensor], Tensor] | None = None,
) -> list[Tensor]:
    """Latents [T, D] of each line, on the model's device: row i is the hidden state that predicts code i.

    prompts: [P, D] each, as `build_prompt` makes them (the start code is their last row). codes: int64 [T] each,
    without start and stop. Lines run as one batch; they are right-padded, where causal attention never reads.
    hidden_states: what runs `model` on embeddings [B, L, D] where the model itself is not to.
    """
    lines = []
    for prompt, line in zip(prompts, codes, strict=True):
        fed = line[:-1].to(prompt.device)  # the last code predicts nothing we keep
        lines.append(torch.cat((prompt, model.embed_codes(fed, torch.arange(1, len(fed) + 1, device=prompt.device)))))
    hidden = (hidden_states or model)(pad_sequence(lines, batch_first=True))
    starts = [prompt.shape[0] - 1 for prompt in prompts]
    return [h[start : start + len(line)] for h, start, line in zip(hidden, starts, codes, strict=True)]

"""The residual stream's start: each row's last token and its place.

Dimensions: R rows, L lanes, K beams, D width.
"""

import torch
import triton
import triton.language as tl

from ..state import DecodeState
from ..weights import DecoderWeights


@triton.jit
def _embed(tokens, steps, token_embedding, position_embedding, out, beams, first_position, last_position,
           WIDTH: tl.constexpr, BLOCK: tl.constexpr):  # fmt: skip
    row = tl.program_id(0)
    d = tl.arange(0, BLOCK)
    token = tl.load(tokens + row)
    position = tl.minimum(tl.load(steps + row // beams) + first_position - 1, last_position)
    x = tl.load(token_embedding + token * WIDTH + d, mask=d < WIDTH, other=0.0).to(tl.float32)
    x += tl.load(position_embedding + position * WIDTH + d, mask=d < WIDTH, other=0.0).to(tl.float32)
    tl.store(out + row * WIDTH + d, x, mask=d < WIDTH)


def embed(state: DecodeState, weights: DecoderWeights, out: torch.Tensor) -> None:
    """Write out float32 [R, D]. Launched after all before it: kernels that overlap may rely on the state from here."""
    rows, width = out.shape
    last = weights.position_embedding.shape[0] - 1
    _embed[(rows,)](
        state.rows.tokens, state.lanes.steps, weights.token_embedding, weights.position_embedding, out, state.beams,
        weights.first_position, last, WIDTH=width, BLOCK=triton.next_power_of_2(width), num_warps=2,
    )  # fmt: skip


def embed_torch(state: DecodeState, weights: DecoderWeights) -> torch.Tensor:
    """The twin of `embed`."""
    last = weights.position_embedding.shape[0] - 1
    positions = (state.lanes.steps + weights.first_position - 1).clamp(max=last)
    place = weights.position_embedding[state.per_row(positions)]
    return weights.token_embedding[state.rows.tokens].float() + place.float()

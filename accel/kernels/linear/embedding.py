"""Token and position embedding: the start of the residual stream.

Dimensions: R rows, L lanes, K beams, D width.
"""

import torch
import triton
import triton.language as tl

from ....runtime.card import card_of
from ...state import DecodeState
from ...weights import DecoderWeights
from ..pdl import launch_dependents_and_wait, supports_pdl
from .gemm import STREAM_SCALE


@triton.jit
def _embed_tokens_kernel(tokens, steps, token_embedding, position_embedding, out, gain, scaled, moments, beams,
                         first_position, last_position, rows, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
                         TILES: tl.constexpr, BLOCK_T: tl.constexpr, PDL: tl.constexpr):  # fmt: skip
    launch_dependents_and_wait(PDL)
    row = tl.program_id(0)
    d = tl.arange(0, BLOCK)
    inside = d < WIDTH
    token = tl.load(tokens + row)
    position = tl.minimum(tl.load(steps + row // beams) + first_position - 1, last_position)
    x = tl.load(token_embedding + token * WIDTH + d, mask=inside, other=0.0).to(tl.float32)
    x += tl.load(position_embedding + position * WIDTH + d, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + row * WIDTH + d, x, mask=inside)
    if TILES > 0:
        factor = tl.load(gain + d, mask=inside, other=0.0).to(tl.float32) * STREAM_SCALE
        tl.store(scaled + row * WIDTH + d, (x * factor).to(scaled.dtype.element_ty), mask=inside)
        # One sum for all tiles; the others' are nothing.
        t = tl.arange(0, BLOCK_T)
        at = moments + row * TILES + t
        tl.store(at, tl.where(t == 0, tl.sum(x, axis=0), 0.0), mask=t < TILES)
        tl.store(at + rows * TILES, tl.where(t == 0, tl.sum(x * x, axis=0), 0.0), mask=t < TILES)


def embed_tokens(
    state: DecodeState,
    weights: DecoderWeights,
    out: torch.Tensor,
    scaled: torch.Tensor | None = None,
    moments: torch.Tensor | None = None,
) -> None:
    """Write out float32 [R, D]; its twin is `TorchRunner._embed_tokens`. Launched after all before it: kernels that
    overlap may rely on the state from here. The next one may start at once.

    scaled, moments: as `splitk_residual_gemm` writes them, for the first layer's norm.
    """
    rows, width = out.shape
    last = weights.position_embedding.shape[0] - 1
    tiles = 0 if moments is None else moments.shape[2]
    _embed_tokens_kernel[(rows,)](
        state.rows.tokens, state.lanes.steps, weights.token_embedding, weights.position_embedding, out,
        weights.layers[0].ln_1_weight, out if scaled is None else scaled, out if moments is None else moments,
        state.beams, weights.first_position, last, rows, WIDTH=width, BLOCK=triton.next_power_of_2(width), TILES=tiles,
        BLOCK_T=triton.next_power_of_2(max(1, tiles)), PDL=supports_pdl(card_of(out.device)), num_warps=2,
    )  # fmt: skip

"""The anti-aliased snake on a CPU: both filters as matrix products over blocks of samples.

Grouped convolutions of one channel each leave a CPU's arithmetic idle: a product with a banded matrix multiplies five
times as many numbers, most of them zeros, in a third of the time. Equal to `snake_torch` but for the order of sums.

Dimensions: B lines, C channels, T samples, R = B * C rows, N blocks a row, of S samples before and 2S after upsampling.
"""

from functools import lru_cache

import torch
from torch import Tensor

BLOCK = 8
"""S: the smallest that holds, with the block behind it, all that a block of either filter reads."""
TAPS = 12
REACH = 5
"""How many samples a filter looks beyond either end."""


def snake_in_blocks(x: Tensor, alpha: Tensor, inverse_beta: Tensor, taps: tuple[float, ...]) -> Tensor:
    """x [B, C, T] of any floating dtype, alpha and inverse_beta float32 [C] to the same as x; worked in float32."""
    rows, samples = x.shape[0] * x.shape[1], x.shape[2]
    blocks = -(-samples // BLOCK)
    up = _upsample_blocks(_split_blocks(x.float().reshape(rows, samples), blocks), taps)
    _replicate_ends(up, REACH, 2 * samples)
    wave = up.view(*x.shape[:2], -1)
    wave.addcmul_((wave * alpha[:, None]).sin_().square_(), inverse_beta[:, None])
    down = _downsample_blocks(up.view(rows, -1, 2 * BLOCK), blocks, taps)
    return down.view(*x.shape[:2], -1)[..., :samples].to(x.dtype)


def _split_blocks(x: Tensor, blocks: int) -> Tensor:
    """[R, T] in `blocks` blocks and two more, from REACH samples on, its ends held on either side: [R, N, S]."""
    padded = x.new_empty(len(x), (blocks + 2) * BLOCK)
    padded[:, REACH : REACH + x.shape[1]] = x
    _replicate_ends(padded, REACH, x.shape[1])
    return padded.view(len(x), -1, BLOCK)


def _replicate_ends(x: Tensor, start: int, length: int) -> None:
    """Fill x [R, ...] before `start` and from `start + length` on with its nearest sample in between."""
    x[:, :start] = x[:, start : start + 1]
    x[:, start + length :] = x[:, start + length - 1 : start + length]


def _upsample_blocks(x: Tensor, taps: tuple[float, ...]) -> Tensor:
    """[R, N, S] to [R, N * 2S], of which the last block is not complete."""
    own, behind = _band_matrices(taps)[:2]
    flat = x.view(-1, BLOCK)
    up = flat @ own
    up[:-1].addmm_(flat[1:], behind)
    return up.view(len(x), -1)


def _downsample_blocks(x: Tensor, blocks: int, taps: tuple[float, ...]) -> Tensor:
    """[R, N, 2S] to the first `blocks` blocks, [R, N, S]."""
    own, behind = (matrix.expand(len(x), -1, -1) for matrix in _band_matrices(taps)[2:])
    return torch.bmm(x[:, :blocks], own).baddbmm_(x[:, 1 : blocks + 1], behind)


@lru_cache(maxsize=1)
def _band_matrices(taps: tuple[float, ...]) -> tuple[Tensor, ...]:
    """Up [S, 2S] for a block and the one behind it, down [2S, S] for the same."""
    # Ordinary tensors, that a caller out of inference mode may use as well.
    with torch.inference_mode(False):
        up, down = torch.zeros(2 * BLOCK, 2 * BLOCK), torch.zeros(4 * BLOCK, BLOCK)
        for source in range(2 * BLOCK):
            for target in range(2 * BLOCK):
                tap = target + 2 * REACH - 2 * source
                if 0 <= tap < TAPS:
                    up[source, target] = 2 * taps[tap]
        for target in range(BLOCK):
            down[2 * target : 2 * target + TAPS, target] = torch.tensor(taps)
        return (*(part.contiguous() for part in up.chunk(2)), *(part.contiguous() for part in down.chunk(2)))

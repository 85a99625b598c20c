"""Lines of differing lengths packed one behind the other along one token axis, so that nothing is ever padded.

Everything in the estimator works on single tokens, except attention, which stays within a line's bounds, and the
WaveNet's convolutions, which find their neighbors within the same bounds. A line's result is therefore the same in any
company but for rounding: sums run over other shapes. A packing's capacity may be larger than its lines: padding tokens,
whose values mean nothing, follow the last one, and no line ever reads them.

Dimensions: L lines, M frames of all lines and the padding, R branches of classifier-free guidance, N = R * M tokens,
K taps, E head width, Z tiles.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

ROTARY_BASE = 10000.0
QUERY_TILE = 128
"""Queries that one program of the attention kernel takes."""


@dataclass(frozen=True, eq=False)
class Packing:
    """Where each line lies. Token r * M + m is frame m of branch r (0 conditional, 1 unconditional).

    frames: M, the capacity in frames. line_capacity: how many lines `attention_tiles` has rows for. generated: what is
    still worked out once the prompts have been attended to; without one, everything.
    """

    lengths: tuple[int, ...]
    branches: int
    device: torch.device
    frames: int
    line_capacity: int
    generated: "GeneratedRegion | None" = None
    _tables: dict[tuple[Callable[..., Tensor], tuple[int, ...]], Tensor] = field(default_factory=dict, repr=False)

    @property
    def shape_key(self) -> tuple[int, int, int, int]:
        """Branches, frames, line capacity, generated frames; packings of one key differ in their tables alone."""
        generated = 0 if self.generated is None else self.generated.packing.frames
        return self.branches, self.frames, self.line_capacity, generated

    @property
    def line_bounds(self) -> list[tuple[int, int]]:
        """First and one-past-last frame of each line."""
        ends = torch.tensor(self.lengths).cumsum(0).tolist()
        return [(end - length, end) for end, length in zip(ends, self.lengths, strict=True)]

    def rotary_tables(self, head_width: int) -> tuple[Tensor, Tensor]:
        """Rotary cosines and sines, each float32 [N, E / 2]; positions count from 0 within a line (Su et al. 2021)."""
        cosine, sine = self._get_table(Packing._make_rotary, head_width)
        return cosine, sine

    def reflected_neighbors(self, taps: int, dilation: int) -> Tensor:
        """int64 [N, K]: the tokens that a centred convolution reads, reflected at its own line's ends."""
        return self._get_table(Packing._make_neighbors, taps, dilation)

    @property
    def token_bounds(self) -> Tensor:
        """int32 [N, 2]: first and one-past-last token of each token's line; all tokens where it has none."""
        return self._get_table(Packing._make_token_bounds)

    @property
    def attention_tiles(self) -> Tensor:
        """int32 [Z, 3]: a tile's first token, and its line's first and one-past-last; zeros where a tile is unused."""
        return self._get_table(Packing._make_attention_tiles)

    def copy_(self, other: "Packing") -> None:
        """Become another packing of the same key, in place: every table made so far is filled anew."""
        assert self.shape_key == other.shape_key, f"got a packing of {other.shape_key}, expected {self.shape_key}"
        for (make, sizes), held in self._tables.items():
            held.copy_(other._get_table(make, *sizes))
        if self.generated is not None and other.generated is not None:
            self.generated.copy_(other.generated)

    def _get_table(self, make: Callable[..., Tensor], *sizes: int) -> Tensor:
        """What a method makes of `sizes`: on first use, then kept."""
        key = (make, sizes)
        if key not in self._tables:
            self._tables[key] = make(self, *sizes).to(self.device)
        return self._tables[key]

    def _make_rotary(self, head_width: int) -> Tensor:
        exponents = torch.arange(0, head_width, 2, dtype=torch.float32, device=self.device) / head_width
        positions = torch.zeros(self.frames)
        for start, end in self.line_bounds:
            positions[start:end] = torch.arange(end - start)
        angles = torch.outer(positions.to(self.device).repeat(self.branches), 1.0 / ROTARY_BASE**exponents)
        return torch.stack((angles.cos(), angles.sin()))

    def _make_token_bounds(self) -> Tensor:
        tokens = self.branches * self.frames
        limits = torch.tensor([0, tokens], dtype=torch.int32).repeat(tokens, 1)
        for first in range(0, tokens, self.frames):
            for start, end in self.line_bounds:
                limits[first + start : first + end] = torch.tensor([first + start, first + end])
        return limits

    def _make_neighbors(self, taps: int, dilation: int) -> Tensor:
        left = left_context(taps, dilation)
        start, end = self._make_token_bounds().long().split(1, dim=1)
        token = torch.arange(len(start))[:, None] + torch.arange(taps) * dilation - left
        mirrored = start + (token - start).abs()
        return (end - 1) - (end - 1 - mirrored).abs()

    def _make_attention_tiles(self) -> Tensor:
        tiles = [
            (token, branch + start, branch + end)
            for branch in range(0, self.branches * self.frames, self.frames)
            for start, end in self.line_bounds
            for token in range(branch + start, branch + end, QUERY_TILE)
        ]
        capacity = self.branches * (self.frames // QUERY_TILE + self.line_capacity)
        return torch.tensor(tiles + [(0, 0, 0)] * (capacity - len(tiles)), dtype=torch.int32)


@dataclass(frozen=True, eq=False)
class GeneratedRegion:
    """The ends of lines: what is generated, and before it the receptive field of the convolutions over it.

    frame_index: int64 [M'], where those frames lie; padding repeats some frame. token_index: int64 [R * M'], the same
    in every branch. position: int64 [M], where in the region each frame lies; 0 for a frame that it leaves out.
    packing: of these.
    """

    frame_index: Tensor
    token_index: Tensor
    position: Tensor
    packing: Packing

    def copy_(self, other: "GeneratedRegion") -> None:
        """Become another region of the same size, in place."""
        for held, new in zip(self._index_tensors(), other._index_tensors(), strict=True):
            held.copy_(new)
        self.packing.copy_(other.packing)

    def _index_tensors(self) -> tuple[Tensor, ...]:
        return self.frame_index, self.token_index, self.position


def left_context(taps: int, dilation: int) -> int:
    """How many frames before its own a centred convolution reads; it never reads more behind."""
    reach = (taps - 1) * dilation
    return reach - reach // 2


def pack_lines(
    lengths: Sequence[int], branches: int, device: torch.device, frames: int | None = None, capacity: int | None = None
) -> Packing:
    """A packing of lines of `lengths` frames, padded to `frames` frames and a `capacity` of lines (default: no more
    than there are). Raises ValueError where there is no line or an empty one."""
    if not lengths or min(lengths) < 1:
        raise ValueError(f"got lines of {list(lengths)} frames; expected at least one line of at least one frame")
    padded = (frames or sum(lengths), capacity or len(lengths))
    assert padded[0] >= sum(lengths) and padded[1] >= len(lengths), f"{list(lengths)} frames do not fit into {padded}"
    return Packing(tuple(lengths), branches, torch.device(device), *padded)


def with_generated_region(packing: Packing, prompts: Sequence[int], before: int, parts: int | None = None) -> Packing:
    """The same packing with the region that leaves out prompts, of so many frames each, but for the last `before`.

    parts: pad the region to the next of so many equal parts of the packing (default: no more than it needs). Where that
    is all of it, the packing stays without a region.
    """
    bounds = packing.line_bounds
    first = [start + max(0, prompt - before) for (start, _), prompt in zip(bounds, prompts, strict=True)]
    kept = torch.cat([torch.arange(start, end) for start, (_, end) in zip(first, bounds, strict=True)])
    padded = len(kept) if parts is None else -(-len(kept) * parts // packing.frames) * packing.frames // parts
    if padded >= packing.frames:
        return packing
    frames = torch.zeros(padded, dtype=torch.int64)
    frames[: len(kept)] = kept
    position = torch.zeros(packing.frames, dtype=torch.int64)
    position[kept] = torch.arange(len(kept))
    tokens = torch.cat([frames + branch * packing.frames for branch in range(packing.branches)])
    lengths = [end - start for start, (_, end) in zip(first, bounds, strict=True)]
    inner = pack_lines(lengths, packing.branches, packing.device, padded, packing.line_capacity)
    frames, tokens, position = (table.to(packing.device) for table in (frames, tokens, position))
    return replace(packing, generated=GeneratedRegion(frames, tokens, position, inner), _tables={})

"""Lines of differing lengths packed one behind the other along one token axis, so that nothing is ever padded.

Everything in the estimator works on single tokens, except attention, which stays within a line's bounds, and the
WaveNet's convolutions, which find their neighbours within the same bounds. A line's result is therefore the same in any
company. A packing may have room behind its last line: tokens whose values mean nothing and that no line ever reads.

Dimensions: L lines, M frames of all lines and the room behind them, R guidance branches, N = R * M tokens, K taps,
E head width, Z tiles.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

ROTARY_BASE = 10000.0
TILE = 128
"""Queries that one program of the attention kernel takes."""


@dataclass(frozen=True, eq=False)
class Packing:
    """Where each line lies. Token r * M + m is frame m of branch r (0 conditional, 1 unconditional).

    frames: M. room_for: how many lines `tiles` has room for. tail: what is still worked out once prompts have been
    heard; without one, everything.
    """

    lengths: tuple[int, ...]
    branches: int
    device: torch.device
    frames: int
    room_for: int
    tail: "Tail | None" = None
    _tables: dict[tuple[str, tuple[int, ...]], Tensor] = field(default_factory=dict, repr=False)

    @property
    def size(self) -> tuple[int, int, int, int]:
        """Packings of one size differ in their tables alone: branches, frames, room for lines, frames of the tail."""
        return self.branches, self.frames, self.room_for, 0 if self.tail is None else self.tail.packing.frames

    @property
    def bounds(self) -> list[tuple[int, int]]:
        """First and one-past-last frame of each line."""
        ends = torch.tensor(self.lengths).cumsum(0).tolist()
        return [(end - length, end) for end, length in zip(ends, self.lengths, strict=True)]

    def rotation(self, head_width: int) -> tuple[Tensor, Tensor]:
        """Rotary cosines and sines, each float32 [N, E / 2]; positions count from 0 within a line (Su et al. 2021)."""
        return self._table("cosine", head_width), self._table("sine", head_width)

    def neighbours(self, taps: int, dilation: int) -> Tensor:
        """int64 [N, K]: the tokens that a centred convolution reads, reflected at its own line's ends."""
        return self._table("neighbours", taps, dilation)

    @property
    def limits(self) -> Tensor:
        """int32 [N, 2]: first and one-past-last token of each token's line; all tokens where it has none."""
        return self._table("limits")

    @property
    def tiles(self) -> Tensor:
        """int32 [Z, 3]: a tile's first token, and its line's first and one-past-last; zeros where a tile is unused."""
        return self._table("tiles")

    def copy_(self, other: "Packing") -> None:
        """Take over another packing of the same size, in place: every table made so far is filled anew."""
        assert self.size == other.size, f"got a packing of size {other.size}, expected {self.size}"
        for (kind, sizes), held in self._tables.items():
            held.copy_(other._table(kind, *sizes))
        if self.tail is not None and other.tail is not None:
            self.tail.copy_(other.tail)

    def _table(self, kind: str, *sizes: int) -> Tensor:
        """Made on first use, then kept."""
        key = (kind, sizes)
        if key not in self._tables:
            self._tables[key] = self._make(kind, *sizes).to(self.device)
        return self._tables[key]

    def _make(self, kind: str, *sizes: int) -> Tensor:
        if kind in ("cosine", "sine"):
            angles = self._angles(*sizes)
            return angles.cos() if kind == "cosine" else angles.sin()
        if kind == "neighbours":
            return self._reflected(*sizes)
        return self._limits() if kind == "limits" else self._tiles()

    def _angles(self, head_width: int) -> Tensor:
        exponents = torch.arange(0, head_width, 2, dtype=torch.float32, device=self.device) / head_width
        positions = torch.zeros(self.frames)
        for start, end in self.bounds:
            positions[start:end] = torch.arange(end - start)
        return torch.outer(positions.to(self.device).repeat(self.branches), 1.0 / ROTARY_BASE**exponents)

    def _limits(self) -> Tensor:
        tokens = self.branches * self.frames
        limits = torch.tensor([0, tokens], dtype=torch.int32).repeat(tokens, 1)
        for first in range(0, tokens, self.frames):
            for start, end in self.bounds:
                limits[first + start : first + end] = torch.tensor([first + start, first + end])
        return limits

    def _reflected(self, taps: int, dilation: int) -> Tensor:
        left = left_reach(taps, dilation)
        start, end = self._limits().long().split(1, dim=1)
        token = torch.arange(len(start))[:, None] + torch.arange(taps) * dilation - left
        mirrored = start + (token - start).abs()
        return (end - 1) - (end - 1 - mirrored).abs()

    def _tiles(self) -> Tensor:
        tiles = [
            (token, branch + start, branch + end)
            for branch in range(0, self.branches * self.frames, self.frames)
            for start, end in self.bounds
            for token in range(branch + start, branch + end, TILE)
        ]
        room = self.branches * (self.frames // TILE + self.room_for)
        return torch.tensor(tiles + [(0, 0, 0)] * (room - len(tiles)), dtype=torch.int32)


@dataclass(frozen=True, eq=False)
class Tail:
    """The ends of lines: what is to be spoken, and before it as many frames as convolutions over it look back.

    frames: int64 [M'], where those frames lie; where there is room behind them, some frame once more. tokens: int64
    [R * M'], the same in every branch. places: int64 [M], where in the tail each frame lies; 0 for a frame that it
    leaves out. packing: of these.
    """

    frames: Tensor
    tokens: Tensor
    places: Tensor
    packing: Packing

    def spread(self, values: Tensor) -> Tensor:
        """Values [R, M', C] of the tail's frames as [R, M, C]; what a frame that it leaves out gets means nothing."""
        return values.index_select(1, self.places)

    def copy_(self, other: "Tail") -> None:
        """Take over another tail of the same size, in place."""
        for held, new in zip(self._tensors(), other._tensors(), strict=True):
            held.copy_(new)
        self.packing.copy_(other.packing)

    def _tensors(self) -> tuple[Tensor, ...]:
        return self.frames, self.tokens, self.places


def left_reach(taps: int, dilation: int) -> int:
    """How many frames before its own a centred convolution reads; it never reads more behind."""
    reach = (taps - 1) * dilation
    return reach - reach // 2


def pack(
    lengths: Sequence[int], branches: int, device: torch.device, frames: int | None = None, room_for: int | None = None
) -> Packing:
    """A packing of lines of `lengths` frames, with room for `frames` frames and `room_for` lines (default: no more
    than there are). Raises ValueError where there is no line or an empty one."""
    if not lengths or min(lengths) < 1:
        raise ValueError(f"got lines of {list(lengths)} frames; expected at least one line of at least one frame")
    room = (frames or sum(lengths), room_for or len(lengths))
    assert room[0] >= sum(lengths) and room[1] >= len(lengths), f"{list(lengths)} frames do not fit into {room}"
    return Packing(tuple(lengths), branches, torch.device(device), *room)


def with_tail(packing: Packing, prompts: Sequence[int], before: int, parts: int | None = None) -> Packing:
    """The same packing with the tail that leaves out prompts, of so many frames each, but for the last `before`.

    parts: give the tail room up to the next of so many equal parts of the packing (default: no more than it needs).
    Where that is all of it, the packing stays without a tail.
    """
    bounds = packing.bounds
    first = [start + max(0, prompt - before) for (start, _), prompt in zip(bounds, prompts, strict=True)]
    kept = torch.cat([torch.arange(start, end) for start, (_, end) in zip(first, bounds, strict=True)])
    room = len(kept) if parts is None else -(-len(kept) * parts // packing.frames) * packing.frames // parts
    if room >= packing.frames:
        return packing
    frames = torch.zeros(room, dtype=torch.int64)
    frames[: len(kept)] = kept
    places = torch.zeros(packing.frames, dtype=torch.int64)
    places[kept] = torch.arange(len(kept))
    tokens = torch.cat([frames + branch * packing.frames for branch in range(packing.branches)])
    lengths = [end - start for start, (_, end) in zip(first, bounds, strict=True)]
    inner = pack(lengths, packing.branches, packing.device, room, packing.room_for)
    frames, tokens, places = (table.to(packing.device) for table in (frames, tokens, places))
    return replace(packing, tail=Tail(frames, tokens, places, inner), _tables={})

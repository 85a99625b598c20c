"""Lines of differing lengths packed one behind the other along one token axis, so that nothing is ever padded.

Everything in the estimator works on single tokens, except attention, which stays within a line's bounds, and the
WaveNet's convolutions, which find their neighbours by index. A line's result is therefore the same in any company.

Dimensions: L lines, M frames of all lines together, R guidance branches, N = R * M tokens, K taps, E head width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

ROTARY_BASE = 10000.0


@dataclass(frozen=True, eq=False)
class Packing:
    """Where each line lies. Token r * M + m is frame m of branch r (0 conditional, 1 unconditional)."""

    lengths: tuple[int, ...]
    branches: int
    device: torch.device
    _neighbours: dict[tuple[int, int], Tensor] = field(default_factory=dict, repr=False)
    _rotations: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict, repr=False)

    @property
    def frames(self) -> int:
        """M."""
        return sum(self.lengths)

    @property
    def bounds(self) -> list[tuple[int, int]]:
        """First and one-past-last frame of each line."""
        ends = torch.tensor(self.lengths).cumsum(0).tolist()
        return [(end - length, end) for end, length in zip(ends, self.lengths, strict=True)]

    def rotation(self, head_width: int) -> tuple[Tensor, Tensor]:
        """Rotary cosines and sines, each float32 [N, E / 2]; positions count from 0 within a line (Su et al. 2021)."""
        if head_width not in self._rotations:
            exponents = torch.arange(0, head_width, 2, dtype=torch.float32) / head_width
            positions = torch.cat([torch.arange(length) for length in self.lengths]).repeat(self.branches)
            angles = torch.outer(positions, 1.0 / ROTARY_BASE**exponents)
            self._rotations[head_width] = angles.cos().to(self.device), angles.sin().to(self.device)
        return self._rotations[head_width]

    def neighbours(self, taps: int, dilation: int) -> Tensor:
        """int64 [N, K]: the tokens that a centred convolution reads, reflected at its own line's ends."""
        if (taps, dilation) not in self._neighbours:
            rows = [_reflected(end - start, taps, dilation) + start for start, end in self.bounds]
            branch = torch.cat(rows)
            table = torch.cat([branch + number * self.frames for number in range(self.branches)])
            self._neighbours[taps, dilation] = table.to(self.device)
        return self._neighbours[taps, dilation]


def pack(lengths: Sequence[int], branches: int, device: torch.device) -> Packing:
    """A packing of lines of `lengths` frames. Raises ValueError where there is none or one is empty."""
    if not lengths or min(lengths) < 1:
        raise ValueError(f"got lines of {list(lengths)} frames; expected at least one line of at least one frame")
    return Packing(tuple(lengths), branches, torch.device(device))


def _reflected(length: int, taps: int, dilation: int) -> Tensor:
    """int64 [length, taps] within one line; mirrored at both ends without repeating the end itself."""
    reach = (taps - 1) * dilation
    left = reach - reach // 2
    if length <= left:
        raise ValueError(f"got a line of {length} frames with its prompt; the WaveNet's convolution needs {left + 1}")
    index = torch.arange(length)[:, None] + torch.arange(taps) * dilation - left
    return (length - 1) - ((length - 1) - index.abs()).abs()

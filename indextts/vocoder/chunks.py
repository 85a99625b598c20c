"""Long mels cut into chunks that overlap by the vocoder's receptive field: their waveforms meet without a seam.

Dimensions: F mel frames, N samples.
"""

import itertools
from dataclasses import dataclass

from torch import Tensor

from ..config import BigVGANConfig
from .snake_blocks import REACH


@dataclass(frozen=True, eq=False)
class MelChunk:
    """Frames `start` to `end` of line `line` are to be kept of what comes of `mel` [80, F], which begins at `begin`."""

    line: int
    mel: Tensor
    begin: int
    start: int
    end: int

    def kept_samples(self, wave: Tensor, hop: int) -> Tensor:
        """The kept samples of the chunk's waveform [N]."""
        return wave[(self.start - self.begin) * hop : (self.end - self.begin) * hop]


def receptive_field_frames(config: BigVGANConfig) -> int:
    """How many frames away a frame can still change a sample: all layers' receptive fields added up from the output."""
    blocks = [
        sum((taps - 1) * (dilation + 1) // 2 + 2 * REACH for dilation in dilations)
        for taps, dilations in zip(config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True)
    ]
    samples = 3 + REACH
    for rate in reversed(config.upsample_rates):
        samples = -(-(samples + max(blocks)) // rate) + 1
    return samples + 3


def split_mel(line: int, mel: Tensor, longest: int, reach: int) -> list[MelChunk]:
    """mel [80, F] in chunks of equal length, at most `longest` frames each without their overlap."""
    frames = mel.shape[1]
    count = -(-frames // longest)
    edges = [frames * n // count for n in range(count + 1)]
    chunks = []
    for start, end in itertools.pairwise(edges):
        begin = max(0, start - reach)
        chunks.append(MelChunk(line, mel[:, begin : end + reach], begin, start, end))
    return chunks

"""A line's parts on their way through the pipeline: conditioned, decoded, with latents.

Dimensions: P prompt rows, D the GPT's width.
"""

from dataclasses import dataclass

from torch import Tensor

from ..accel.request import Finished
from .records import OUTPUT_SAMPLE_RATE, Codes, Line, VoiceFeatures
from .seeds import mix_seed

FRAMES_PER_SECOND = OUTPUT_SAMPLE_RATE / 256


@dataclass(frozen=True, eq=False)
class Segment:
    """One text segment and all it is conditioned on: the `part`-th of the line at `place` of the run. emotion: [D].

    language_row: of a model that knows several languages. frames: how many it is spoken in, where that is fixed."""

    place: int
    part: int
    line: Line
    text_ids: tuple[int, ...]
    voice: VoiceFeatures
    emotion: Tensor
    language_row: int | None = None
    frames: int | None = None

    @property
    def seed(self) -> int:
        return mix_seed(self.line.seed, self.part)


@dataclass(frozen=True, eq=False)
class DecodedSegment:
    """What the decoder wrote for a segment. prompt: [P, D], read once more for the latents."""

    segment: Segment
    prompt: Tensor
    answer: Finished


@dataclass(frozen=True, eq=False)
class LatentSegment:
    """A decoded segment, with the GPT's latents of its codes where the model has them, no waveform yet."""

    segment: Segment
    codes: Codes


def count_mel_frames(codes: Codes, frames_per_code: float, speed: float) -> int:
    """Mel frames that `codes` are spoken in at `speed` (1.0: as the model would; 2.0: in half the time)."""
    return max(1, int(len(codes.tokens) * frames_per_code / speed))

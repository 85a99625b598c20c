"""Takes one after another, with the silences between them.

Dimensions: N samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import srt
import torch
from torch import Tensor

from ..records import Line, Take


@dataclass(frozen=True)
class Cue:
    """One line's place in the timeline, in seconds."""

    start: float
    end: float
    speaker: str
    text: str


@dataclass(frozen=True, eq=False)
class Timeline:
    """A dialogue as one waveform: float32 [1, N]. `cues` are in order and never overlap."""

    waveform: Tensor
    sample_rate: int
    cues: tuple[Cue, ...]

    def split_stems(self) -> dict[str, Tensor]:
        """Each speaker alone, silent where others speak, [1, N] like the whole; together they add up to it."""
        stems = {cue.speaker: torch.zeros_like(self.waveform) for cue in self.cues}
        for cue in self.cues:
            spoken = slice(round(cue.start * self.sample_rate), round(cue.end * self.sample_rate))
            stems[cue.speaker][:, spoken] = self.waveform[:, spoken]
        return stems


def assemble_timeline(
    takes: Sequence[Take], silence_seconds: float, speaker_pauses: Mapping[str, float] | None = None
) -> Timeline:
    """Lay takes [1, N] out in time, to the sample.

    The silence between two lines is the first one's `pause_after`, else its speaker's in `speaker_pauses`, else
    `silence_seconds`; the second one's `pause_before` is added, also before the very first line. A line with
    `start_seconds` starts no earlier than that. Nothing follows the last line.
    Raises ValueError where there are no takes or their sample rates differ.
    """
    rates = {take.sample_rate for take in takes}
    if len(rates) != 1:
        raise ValueError(f"got {len(takes)} takes with sample rates {sorted(rates)}, expected takes of one sample rate")
    rate = rates.pop()
    pieces: list[Tensor] = []
    cues: list[Cue] = []
    position = 0
    previous: Line | None = None
    for take in takes:
        start = _start_sample(position, previous, take.line, rate, silence_seconds, speaker_pauses or {})
        end = start + take.waveform.shape[-1]
        pieces += [take.waveform.new_zeros(1, start - position), take.waveform]
        cues.append(Cue(start / rate, end / rate, take.line.speaker, take.line.text))
        position, previous = end, take.line
    return Timeline(torch.cat(pieces, dim=1), rate, tuple(cues))


def to_srt(timeline: Timeline) -> str:
    """SRT subtitles of what was said; with more than one speaker each begins with the speaker's name."""
    named = len({cue.speaker for cue in timeline.cues}) > 1
    subtitles: str = srt.compose(
        srt.Subtitle(
            index=None,
            start=timedelta(seconds=cue.start),
            end=timedelta(seconds=cue.end),
            content=f"{cue.speaker}: {cue.text}" if named else cue.text,
        )
        for cue in timeline.cues
    )
    return subtitles


def _start_sample(
    position: int, previous: Line | None, line: Line, rate: int, silence_seconds: float, pauses: Mapping[str, float]
) -> int:
    """The sample a line starts at, where the previous one ended at `position`."""
    seconds = line.pause_before or 0.0
    if previous is not None and previous.pause_after is not None:
        seconds += previous.pause_after
    elif previous is not None:
        seconds += pauses.get(previous.speaker, silence_seconds)
    return max(position + round(seconds * rate), round((line.start_seconds or 0.0) * rate))

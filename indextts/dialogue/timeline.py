"""Takes one after another, with the silences between them, or each where its subtitle says.

Dimensions: N samples.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import ScriptError
from ..records import LONGEST_SECONDS, LONGEST_SILENCE, OUTPUT_SAMPLE_RATE, Line, Take

TIMINGS = ("fit", "shift", "overlay", "pad")
"""How takes are placed that have a start of their own.

fit: spoken in the length of its subtitle, as far as that goes (`fit_lines`); placed as by shift.
shift: at its start, or as soon as the take before has ended.
overlay: always at its start; takes may sound together.
pad: as shift, with silence up to the end of the last subtitle.
"""
LATE_SECONDS = 0.05
"""A take that is later or longer than this is told of."""

FRAME_SECONDS = 256 / OUTPUT_SAMPLE_RATE
"""Of mel: as exact as a take's length can be."""


@dataclass(frozen=True)
class Cue:
    """One line's place in the timeline, in seconds."""

    start: float
    end: float
    speaker: str
    text: str


@dataclass(frozen=True, eq=False)
class Timeline:
    """A dialogue as one waveform: float32 [1, N]. `cues` are in order; only by "overlay" do they overlap.

    waves: each cue's own, [1, N]. notes: which takes start later than their subtitles, or are longer.
    """

    waveform: Tensor
    sample_rate: int
    cues: tuple[Cue, ...]
    waves: tuple[Tensor, ...] = ()
    notes: tuple[str, ...] = ()

    def split_stems(self) -> dict[str, Tensor]:
        """Each speaker alone, silent where others speak, [1, N] like the whole; together they add up to it."""
        stems = {cue.speaker: torch.zeros_like(self.waveform) for cue in self.cues}
        for cue, wave in zip(self.cues, self.waves, strict=True):
            _mix_in(stems[cue.speaker], wave, round(cue.start * self.sample_rate))
        return stems


def check_length(lines: Sequence[Line], silence_seconds: float) -> None:
    """Raises `ScriptError` where pauses and starts alone make more than `LONGEST_SECONDS`, or the silence is none."""
    if not 0 <= silence_seconds <= LONGEST_SILENCE:
        raise ScriptError(f"silence_duration: got {silence_seconds} s, expected 0 to {LONGEST_SILENCE:g}")
    position = 0.0
    for line in lines:
        position = max(position, line.start_seconds or 0.0) + (line.pause_before or 0.0)
        position += silence_seconds if line.pause_after is None else line.pause_after
        if position > LONGEST_SECONDS + silence_seconds:
            raise ScriptError(
                f"the pauses up to here last {position / 3600:.1f} hours, expected {LONGEST_SECONDS / 3600:g} at most; "
                "shorten them, or cut the script",
                line=line.source_line,
            )


def fit_lines(lines: Iterable[Line], timing: str) -> list[Line]:
    """`lines` with the length that `timing` wishes for: by "fit" that of their subtitles, else the voice's own."""
    return [replace(line, wished_seconds=line.slot_seconds) if timing == "fit" else line for line in lines]


def assemble_timeline(
    takes: Sequence[Take],
    silence_seconds: float,
    speaker_pauses: Mapping[str, float] | None = None,
    timing: str = "shift",
    make_silence: Callable[[int], Tensor] = lambda samples: torch.zeros(1, samples),
) -> Timeline:
    """Lay takes [1, N] out in time, to the sample. make_silence: what the whole, [1, N], is laid out in.

    A line with `start_seconds` starts there, after its own `pause_before`, as `timing` (see `TIMINGS`) says. Before
    any other the silence is the `pause_after` of the line before, else its speaker's in `speaker_pauses`, else
    `silence_seconds`; its own `pause_before` is added, also before the very first line. Nothing follows the last line.
    Raises ValueError where there are no takes, their sample rates differ, or nobody knows the timing.
    """
    if timing not in TIMINGS:
        raise ValueError(f"timing: got {timing!r}, expected one of {', '.join(TIMINGS)}")
    rates = {take.sample_rate for take in takes}
    if len(rates) != 1:
        raise ValueError(f"got {len(takes)} takes with sample rates {sorted(rates)}, expected takes of one sample rate")
    rate = rates.pop()
    starts = _start_samples(takes, rate, silence_seconds, speaker_pauses or {}, timing)
    ends = [start + take.waveform.shape[-1] for start, take in zip(starts, takes, strict=True)]
    padded = round(_last_slot_end(takes) * rate) if timing == "pad" else 0
    whole = make_silence(max(*ends, padded))
    for start, take in zip(starts, takes, strict=True):
        _mix_in(whole, take.waveform, start)
    cues = tuple(
        Cue(start / rate, end / rate, take.line.speaker, take.line.text)
        for start, end, take in zip(starts, ends, takes, strict=True)
    )
    notes = [note for cue, take in zip(cues, takes, strict=True) for note in _describe_misfit(cue, take)]
    return Timeline(whole, rate, cues, tuple(take.waveform for take in takes), tuple(notes))


def _start_samples(
    takes: Sequence[Take], rate: int, silence_seconds: float, pauses: Mapping[str, float], timing: str
) -> list[int]:
    """The sample that each take starts at."""
    starts: list[int] = []
    position = 0
    previous: Line | None = None
    for take in takes:
        line, before = take.line, take.line.pause_before or 0.0
        if line.start_seconds is not None:
            own = round((line.start_seconds + before) * rate)
            start = own if timing == "overlay" else max(position, own)
        else:
            start = position + round((before + _silence_after(previous, silence_seconds, pauses)) * rate)
        starts.append(start)
        position, previous = start + take.waveform.shape[-1], line
    return starts


def _silence_after(line: Line | None, silence_seconds: float, pauses: Mapping[str, float]) -> float:
    if line is None:
        return 0.0
    return pauses.get(line.speaker, silence_seconds) if line.pause_after is None else line.pause_after


def _last_slot_end(takes: Sequence[Take]) -> float:
    """Where the last subtitle ends, in seconds; 0 where no line has one."""
    latest = end = 0.0
    for line in (take.line for take in takes):
        end = end if line.start_seconds is None else line.start_seconds
        end += (line.pause_before or 0.0) + (line.slot_seconds or 0.0) + (line.pause_after or 0.0)
        latest = end if line.slot_seconds is not None and end > latest else latest
    return latest


def _describe_misfit(cue: Cue, take: Take) -> list[str]:
    """Words for the user where a take is late for its subtitle, or longer."""
    line, notes = take.line, []
    late = 0.0 if line.start_seconds is None else cue.start - line.start_seconds - (line.pause_before or 0.0)
    excess = 0.0 if line.slot_seconds is None else take.seconds - line.slot_seconds
    if line.fixed_seconds is not None and abs(take.seconds - line.fixed_seconds) > FRAME_SECONDS:
        notes.append(f"is {take.seconds:.2f} s long, not {line.fixed_seconds:.2f} s: its speed is from 0.5 to 2")
    if late > LATE_SECONDS:
        notes.append(f"starts {late:.2f} s late, at {cue.start:.2f} s")
    if excess > LATE_SECONDS:
        notes.append(f"is {take.seconds:.2f} s long, {excess:.2f} s longer than its subtitle")
    return [f"line {line.source_line} ({line.speaker}): {note}" for note in notes]


def _mix_in(whole: Tensor, wave: Tensor, start: int) -> None:
    whole[:, start : start + wave.shape[-1]] += wave

"""What actually ran: backend, precision, times, memory, and why an option was not used."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from .records import Take

STAGES = ("text", "conditioning", "gpt", "latents", "s2mel", "vocoder")


SHOWN_CHANGES = 50


@dataclass
class Report:
    """Filled while a run goes on. Times are wall-clock seconds, the device drained at the end of each stage.

    cuts: what the memory budget cut, and how much was free then. changes: what of the script was left out or is spoken
    otherwise than written. recordings: what the voices suffer from. verified: how takes were heard, where they were.
    flow_schedule: what the flow was solved by, and how exact that is. model: which one spoke.
    """

    device: torch.device
    precision: str
    decoder: str = "not chosen yet"
    flow: str = ""
    vocoder: str = ""
    flow_schedule: str = ""
    model: str = ""
    choices: tuple[str, ...] = ()
    lines: int = 0
    segments: int = 0
    voices: int = 0
    codes: int = 0
    audio_seconds: float = 0.0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    notes: list[str] = field(default_factory=list)
    cuts: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    recordings: list[str] = field(default_factory=list)
    verified: list[str] = field(default_factory=list)
    peak_memory_bytes: int | None = None
    wall_seconds: float = 0.0

    @contextmanager
    def time_stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside to `name`, also when the stage is cancelled."""
        start = time.perf_counter()
        try:
            yield
        finally:
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)
            self.seconds[name] += time.perf_counter() - start

    def count_takes(self, takes: Iterable[Take]) -> Iterator[Take]:
        """`takes` as they come, each counted, with what it has to say."""
        for take in takes:
            self.audio_seconds += take.seconds
            self.notes += list_notes([take])
            self.changes += list_changes([take])
            yield take

    def add_run(self, other: "Report") -> None:
        """Count a further run that was a part of this one's work."""
        self.segments += other.segments
        self.codes += other.codes
        self.wall_seconds += other.wall_seconds
        for stage, seconds in other.seconds.items():
            self.seconds[stage] += seconds
        self.cuts += [cut for cut in other.cuts if cut not in self.cuts]
        self.peak_memory_bytes = max(self.peak_memory_bytes or 0, other.peak_memory_bytes or 0) or None

    def note_memory(self) -> None:
        """Look up the peak so far; not after every stage, for it takes longer than a small one."""
        if self.device.type == "cuda":
            self.peak_memory_bytes = torch.cuda.max_memory_allocated(self.device)

    @property
    def real_time_factor(self) -> float | None:
        return self.wall_seconds / self.audio_seconds if self.audio_seconds else None

    @property
    def summary(self) -> str:
        """The run in one line: how much was spoken, in what time."""
        lines = f"{self.lines} line{'s' * (self.lines != 1)}"
        speed = f", {self.audio_seconds / self.wall_seconds:.1f} x real time" if self.wall_seconds else ""
        return f"{lines}, {self.audio_seconds:.1f} s of speech in {self.wall_seconds:.1f} s{speed}"

    def to_text(self, with_notes: bool = True) -> str:
        """The report as lines of plain text for a console or a node's info output, with the takes' notes or not."""
        rows = [
            *filter(None, (self.model,)),
            f"device: {self.device}, {self.precision}",
            f"decoder: {self.decoder}",
            *filter(None, (self.flow, self.flow_schedule, self.vocoder)),
            *self.choices,
            f"lines: {self.lines} in {self.segments} segments, {self.voices} voices",
        ]
        if self.seconds["gpt"] > 0:
            rows.append(f"codes: {self.codes}, {self.codes / self.seconds['gpt']:.1f} a second")
        if self.real_time_factor is not None:
            rows.append(
                f"audio: {self.audio_seconds:.2f} s in {self.wall_seconds:.2f} s, RTF {self.real_time_factor:.3f}"
            )
        spent = ", ".join(f"{name} {value:.2f} s" for name, value in self.seconds.items() if value > 0)
        rows.append(f"time: {spent}")
        if self.peak_memory_bytes is not None:
            rows.append(f"peak memory: {self.peak_memory_bytes / 2**30:.2f} GiB")
        rows += self.verified
        rows += [f"cut to the memory there is: {cut}" for cut in self.cuts]
        rows += [f"recording: {note}" for note in self.recordings]
        notes = [f"note: {note}" for note in self.notes] if with_notes else []
        return "\n".join(rows + notes + (format_changes(self.changes) if with_notes else []))


def list_notes(takes: Iterable[Take]) -> list[str]:
    """What takes have to say, each with its line."""
    return [f"line {take.line.source_line} ({take.line.speaker}): {note}" for take in takes for note in take.notes]


def list_changes(takes: Iterable[Take]) -> list[str]:
    """What was left out of takes' lines, or changed, by the parser and by the text front end."""
    return [
        change
        for take in takes
        for change in (
            *take.line.notes,
            *(f"line {take.line.source_line} ({take.line.speaker}): {change}" for change in take.changes),
        )
    ]


def format_changes(changes: Sequence[str]) -> list[str]:
    """The list "left out or changed" as rows; a long one ends in how many more there are."""
    if not changes:
        return []
    more = len(changes) - SHOWN_CHANGES
    rows = [f"  {change}" for change in changes[:SHOWN_CHANGES]] + [f"  and {more} more"] * (more > 0)
    return ["left out or changed:", *rows]

"""Reorder buffer: finished segments wait here until their line is whole and every line before it has gone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .error_context import with_line_context
from .errors import CheckpointError
from .records import OUTPUT_SAMPLE_RATE, Codes, Line, Take
from .seams import join_segments
from .text.frontend import PreparedText

SILENT_LINE_SECONDS = 0.5
"""How long a line without letters is; silences before and behind it come on top."""


@dataclass(eq=False)
class _PendingLine:
    line: Line
    waves: list[Tensor | None]
    codes: list[Tensor | None]
    changes: tuple[str, ...]
    spoken: str
    notes: list[str] = field(default_factory=list)


class TakeAssembler:
    """Takes leave in the order of the script, whatever order their segments come in."""

    def __init__(self, lines: Sequence[Line], texts: Sequence[PreparedText], segment_silence_seconds: float) -> None:
        """texts: what each line was prepared to; it says how many segments to wait for."""
        self._pending_lines = [_await_segments(line, text) for line, text in zip(lines, texts, strict=True)]
        self._segment_silence_seconds = segment_silence_seconds
        self._next = 0

    def put(self, place: int, part: int, wave: Tensor, codes: Codes) -> None:
        """The waveform float32 [1, N] on the CPU of one segment, and the codes it was made from.

        Raises `CheckpointError` naming the line where a sample is no number.
        """
        held = self._pending_lines[place]
        with with_line_context(held.line):
            _check_finite(wave)
        held.waves[part], held.codes[part] = wave, codes.tokens
        if not codes.finished:
            held.notes.append(f"cut off after {len(codes.tokens)} codes; raise max_codes or split the line")

    def put_empty(self, place: int, part: int) -> None:
        """The decoder stopped before its first code: an empty waveform, and a note in the take."""
        held = self._pending_lines[place]
        held.waves[part], held.codes[part] = torch.zeros(1, 0), torch.zeros(0, dtype=torch.int64)
        held.notes.append("the model ended a segment before its first code, nothing is spoken; try another seed")

    def pop_ready(self) -> Iterator[Take]:
        """The takes that can go now; each goes once."""
        while self._next < len(self._pending_lines):
            held = self._pending_lines[self._next]
            waves, codes = [w for w in held.waves if w is not None], [c for c in held.codes if c is not None]
            if len(waves) < len(held.waves):
                return
            self._next += 1
            waveform = join_segments(waves, self._segment_silence_seconds) if waves else _make_silence(held.line)
            notes = tuple(held.notes)
            yield Take(held.line, waveform, tuple(codes), notes=notes, changes=held.changes, spoken=held.spoken)


def _check_finite(wave: Tensor) -> None:
    if bad := int((~wave.isfinite()).sum()):
        raise CheckpointError(
            f"got {bad} of {wave.numel()} samples that are NaN or infinite; the weights are damaged, or the values too "
            "large for half precision: turn use_fp16 off, or download the model again"
        )


def _make_silence(line: Line) -> Tensor:
    seconds = SILENT_LINE_SECONDS if line.wished_seconds is None else min(SILENT_LINE_SECONDS, line.wished_seconds)
    seconds = seconds if line.fixed_seconds is None else line.fixed_seconds
    return torch.zeros(1, round(seconds * OUTPUT_SAMPLE_RATE))


def _await_segments(line: Line, text: PreparedText) -> _PendingLine:
    parts = len(text.segments)
    changes = [f"cannot be spoken and was left out: {' '.join(text.unknown)}"] if text.unknown else []
    if not parts:
        changes.append(f"{line.text[:20]!r} has no letters and is a pause")
    return _PendingLine(line, [None] * parts, [None] * parts, tuple(changes), text.normalized if parts else "")

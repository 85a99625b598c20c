"""Words on a finished run: who spoke, how long, where it lies, and what ran."""

from pathlib import Path

from ..indextts.dialogue.timeline import Timeline
from .lines import Cast
from .performance import Performance


def summarize(cast: Cast, performance: Performance, timeline: Timeline, file: Path, inputs: str) -> str:
    """The `info` output. `inputs` names the voices' sockets, with {} for the number."""
    seconds = timeline.waveform.shape[-1] / timeline.sample_rate
    who = ", ".join(f"{name} = {inputs.format(number)}" for name, number in cast.voices.items())
    rows = [
        f"{count(len(cast.lines), 'line')}, {count(len(cast.voices), 'speaker')} ({who})",
        f"{seconds:.2f} s at {timeline.sample_rate} Hz, written to {file}",
        f"{count(performance.kept, 'line')} kept from an earlier run, {len(cast.lines) - performance.kept} spoken now",
        performance.report,
    ]
    notes = [
        f"line {take.line.index + 1}, {take.line.speaker}: {note}" for take in performance.takes for note in take.notes
    ]
    return "\n".join(rows + notes)


def count(number: int, noun: str) -> str:
    """A number with its noun, such as 1 line, 2 lines."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

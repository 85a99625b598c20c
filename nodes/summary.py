"""Summary of a finished run: who spoke, how long, and what ran."""

from ..indextts.dialogue.casting import Dialogue
from ..indextts.dialogue.timeline import Timeline
from ..indextts.report import format_changes, list_changes
from .run import RunResult


def summarize_run(dialogue: Dialogue, result: RunResult, timeline: Timeline, sockets: str) -> str:
    """The `info` output. `sockets` names the voices' sockets, with {} for the number."""
    kept, spoken = result.kept, len(dialogue.lines) - result.kept
    seconds = timeline.waveform.shape[-1] / timeline.sample_rate
    who = ", ".join(f"{name} = {sockets.format(number)}" for name, number in dialogue.voices.items())
    rows = [
        f"{count_noun(len(dialogue.lines), 'line')}, {count_noun(len(dialogue.voices), 'speaker')} ({who})",
        f"{seconds:.2f} s at {timeline.sample_rate} Hz",
        f"{count_noun(kept, 'line')} kept from an earlier run, {spoken} spoken now",
        result.report,
    ]
    changes = format_changes(list_changes(result.takes))
    notes = [f"line {take.line.index + 1}, {take.line.speaker}: {note}" for take in result.takes for note in take.notes]
    return "\n".join([*rows, *notes, *timeline.notes, *changes])


def count_noun(number: int, noun: str) -> str:
    """A number with its noun, such as 1 line, 2 lines."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

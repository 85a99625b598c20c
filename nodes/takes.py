"""INDEXTTS2_TAKES: spoken lines with the silences between them, and what one makes of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..indextts.dialogue.timeline import Timeline, assemble_timeline
from ..indextts.errors import IndexTTSError
from ..indextts.records import Take
from .audio import audio_to

AS_SPOKEN = "as spoken"


@dataclass(frozen=True, eq=False)
class TakeList:
    """What flows through an INDEXTTS2_TAKES socket. `pauses`: seconds after a speaker's lines, where they are not
    `silence_seconds`. `report`: what ran."""

    takes: tuple[Take, ...]
    silence_seconds: float = 0.5
    pauses: Mapping[str, float] = field(default_factory=dict)
    timing: str = "fit"
    report: str = ""

    def assemble(self, timing: str = AS_SPOKEN) -> Timeline:
        """The takes laid out in time. Raises `IndexTTSError` where there are none."""
        if not self.takes:
            raise IndexTTSError("takes: got none; connect the takes of a node that has spoken")
        placing = self.timing if timing == AS_SPOKEN else timing
        return assemble_timeline(self.takes, self.silence_seconds, self.pauses, placing)


def stems_of(timeline: Timeline) -> dict[str, dict[str, Any]]:
    """AUDIO of each speaker alone, as long as the whole."""
    return {name: audio_to(wave, timeline.sample_rate) for name, wave in timeline.split_stems().items()}


def describe_lines(takes: TakeList, timeline: Timeline) -> str:
    """A JSON list with place, words and settings of every line."""
    rows = [
        {
            "line": take.line.index + 1,
            "speaker": take.line.speaker,
            "text": take.line.text,
            "spoken": take.spoken,
            "start": round(cue.start, 3),
            "end": round(cue.end, 3),
            "seed": take.line.seed,
            "speed": take.line.speed,
            "notes": [*take.notes, *take.changes],
        }
        for take, cue in zip(takes.takes, timeline.cues, strict=True)
    ]
    return json.dumps(rows, ensure_ascii=False, indent=1)

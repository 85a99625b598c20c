"""What was said, and when, as SRT and WebVTT: any player shows it, and `parse_script` reads it back."""

import html
from collections.abc import Callable, Sequence

from ..errors import ScriptError
from .literal_marks import has_marks, mark_literal
from .script import parse_script
from .timeline import Cue, Timeline

VTT_HEADER = "WEBVTT\n\n"


def to_srt(timeline: Timeline) -> str:
    """SRT; with more than one speaker each text begins with the speaker's name."""
    speakers = _list_speakers(timeline)

    def format_block(cue: Cue, text: str, number: int) -> str:
        label = f"{_flatten(cue.speaker)}: " if len(speakers) > 1 else ""
        return f"{number}\n{_format_time(cue.start, ',')} --> {_format_time(cue.end, ',')}\n{label}{text}\n\n"

    return "".join(_format_blocks(timeline, speakers, format_block, ""))


def to_vtt(timeline: Timeline) -> str:
    """WebVTT, whose voice tags name the speakers."""

    def format_block(cue: Cue, text: str, number: int) -> str:
        voice = f"<v {html.escape(_flatten(cue.speaker))}>{html.escape(text, quote=False)}"
        return f"{_format_time(cue.start, '.')} --> {_format_time(cue.end, '.')}\n{voice}\n\n"

    return VTT_HEADER + "".join(_format_blocks(timeline, _list_speakers(timeline), format_block, VTT_HEADER))


def _format_blocks(
    timeline: Timeline, speakers: Sequence[str], format_block: Callable[[Cue, str, int], str], header: str
) -> list[str]:
    blocks = []
    for number, cue in enumerate(timeline.cues, start=1):
        text = _flatten(cue.text)
        block = format_block(cue, text, number)
        if has_marks(text) and not _reads_back(header + block, cue.speaker, text, speakers):
            block = format_block(cue, mark_literal(text), number)
        blocks.append(block)
    return blocks


def _reads_back(subtitles: str, speaker: str, text: str, speakers: Sequence[str]) -> bool:
    """Whether one cue says its text to who knows the speakers, and to who does not."""
    try:
        known, unknown = parse_script(subtitles, speakers), parse_script(subtitles)
    except ScriptError:
        return False
    return [(line.speaker, line.text) for line in known] == [(speaker, text)] and [line.text for line in unknown] == [
        text
    ]


def _list_speakers(timeline: Timeline) -> list[str]:
    return list(dict.fromkeys(cue.speaker for cue in timeline.cues))


def _flatten(text: str) -> str:
    """On one row: an empty one would end the cue."""
    return " ".join(text.split())


def _format_time(seconds: float, mark: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{mark}{rest % 1000:03}"

"""Subtitle files into cues: SRT, WebVTT, SBV, ASS/SSA, LRC, MicroDVD, transcripts, as strict or sloppy as they come.

Read row by row, so that every cue knows its line in the file, which libraries for these formats do not tell.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from ..errors import ScriptError
from .rows import Row, SubtitleCue
from .subtitle_times import Timing, fold_width, looks_like_timing, read_seconds, read_timing

EXPECTED = "expected times such as 00:00:01,000 --> 00:00:03,500"

_INDEX = re.compile(r"\s{0,9}#?(\d{1,9})[.:]?\s{0,9}")
_HIDDEN_BLOCKS = ("NOTE", "STYLE", "REGION", "WEBVTT")
_ASS_FIELDS = ("layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text")
_ASS_DRAWING = re.compile(r"\{[^{}]*\\p[1-9]")
_LRC_TIME = re.compile(
    r"\s{0,9}\[\s?(?:(\d{1,2})\s?:\s?(?=\d{1,2}\s?:))?(\d{1,3})\s?:\s?(\d{1,2})(?:\s?[.,]\s?(\d{1,3}))?\s?\]"
)
_CLOCK_ROW = re.compile(
    r"\s{0,9}[(（]?(?:(\d{1,2}):)?(\d{1,2}):(\d{2})(?:[.,](\d{1,3}))?[)）]?(?:\s{1,9}(?:[-–—]\s{1,9})?(?P<text>.*))?"
)
_STARTS_BEFORE = 60.0
"""Seconds; rows that begin with a later clock are a diary and no transcript."""
_LRC_HEADER = re.compile(r"\s{0,9}\[[A-Za-z]{2,8}\s?:[^\[\]]*\]\s*")
_LRC_OFFSET = re.compile(r"\s{0,9}\[offset\s?:\s?([+-]?\d{1,9})\s?\]", re.IGNORECASE)
_LRC_WORD = re.compile(r"<\d{1,3}:\d{1,2}(?:[.:]\d{1,3})?>")
_NAMED = re.compile(r"[^:：]{1,40}[:：]\s*\S")
_MICRODVD = re.compile(r"\s{0,9}\{(\d{1,9})\}\{(\d{0,9})\}(.*)")
_MICRODVD_RATE = 23.976


def read_subtitles(rows: Sequence[Row]) -> tuple[list[SubtitleCue], list[str]] | None:
    """The cues of a subtitle file by their times, and notes; None where the rows are a plain script.

    Raises `ScriptError` on a row that was meant to hold times and does not.
    """
    for is_format, read_cues in _FORMATS:
        if is_format(rows):
            cues, notes = read_cues(rows)
            ordered = sorted(cues, key=lambda cue: cue.start)
            if ordered != cues:
                notes.append("the subtitles are out of order; they are spoken by their times")
            return ordered, notes
    return None


def _has_timing(rows: Sequence[Row]) -> bool:
    return any(read_timing(row.text) for row in rows)


def _read_blocks(rows: Sequence[Row]) -> tuple[list[SubtitleCue], list[str]]:
    """SRT, WebVTT and SBV: rows under a row of times."""
    is_vtt = next((row.text for row in rows if row.text.strip()), "").startswith("WEBVTT")
    cues: list[SubtitleCue] = []
    notes: list[str] = []
    timing: Timing | None = None
    body: list[Row] = []

    def finish_cue() -> None:
        shown = [row for row in _without_hidden_blocks(body, is_vtt) if row.text.strip()]
        if timing is not None:
            cues.append(SubtitleCue(timing.start, timing.end, tuple(shown)))
        else:
            notes.extend(
                f"line {row.number}: left out {row.text.strip()!r}, which stands before any time" for row in shown
            )

    for row in rows:
        found = read_timing(row.text)
        if found is None:
            if looks_like_timing(row.text):
                raise ScriptError(f"the subtitles cannot be read: got {row.text.strip()!r}, {EXPECTED}", row.number, 1)
            body.append(row)
            continue
        _drop_identifier(body, is_vtt, len(cues) + (1 if timing is None else 2))
        finish_cue()
        timing, body = found, [replace(row, text=found.text)] if found.text else []
    _drop_last_index(body, len(cues))
    finish_cue()
    return cues, notes


def _drop_identifier(body: list[Row], is_vtt: bool, number: int) -> None:
    """Take the next cue's number, or in WebVTT its name, off the end of this one's rows.

    number: the one that is expected, which may have a blank row behind it.
    """
    filled = next((place for place in reversed(range(len(body))) if body[place].text.strip()), None)
    if filled is None:
        return
    if filled < len(body) - 1:
        match = _INDEX.fullmatch(fold_width(body[filled].text))
        if match and int(match[1]) == number and (filled == 0 or not body[filled - 1].text.strip()):
            body.pop(filled)
        return
    stands_alone = len(body) == 1 or not body[-2].text.strip()
    if _INDEX.fullmatch(fold_width(body[-1].text)) or (is_vtt and stands_alone):
        body.pop()


def _drop_last_index(body: list[Row], cues_before: int) -> None:
    """A file that is cut off after the number of a cue that never comes."""
    filled = [row for row in body if row.text.strip()]
    match = _INDEX.fullmatch(fold_width(filled[-1].text)) if len(filled) > 1 else None
    if match and int(match[1]) == cues_before + 2 and body[body.index(filled[-1]) - 1] != filled[-2]:
        body.remove(filled[-1])


def _without_hidden_blocks(body: Sequence[Row], is_vtt: bool) -> list[Row]:
    """Rows that are shown: WebVTT has blocks of comments and styles that are not."""
    shown, hidden, begins = [], False, True
    for row in body:
        blank = not row.text.strip()
        if blank:
            hidden, begins = False, True
        elif begins:
            hidden, begins = is_vtt and row.text.split()[0] in _HIDDEN_BLOCKS, False
        if not blank and not hidden:
            shown.append(row)
    return shown


def _is_ass(rows: Sequence[Row]) -> bool:
    return any(row.text.lstrip().startswith(("[Script Info]", "[Events]")) for row in rows) or any(
        _read_dialogue(row, _ASS_FIELDS) for row in rows
    )


def _read_ass(rows: Sequence[Row]) -> tuple[list[SubtitleCue], list[str]]:
    """ASS and SSA: `Dialogue:` rows; their columns are named by the `Format:` row of `[Events]`."""
    fields: tuple[str, ...] = _ASS_FIELDS
    in_events = True
    cues = []
    for row in rows:
        text = row.text.strip()
        if text.startswith("["):
            in_events = text.casefold().startswith("[events")
        elif in_events and text.casefold().startswith("format:"):
            fields = tuple(name.strip().casefold() for name in text.partition(":")[2].split(","))
        elif (cue := _read_dialogue(row, fields)) is not None:
            cues.append(cue)
        elif text.startswith("Dialogue:"):
            raise ScriptError(
                f"the subtitles cannot be read: got {text[:60]!r}, expected {', '.join(fields)[:200]}", row.number
            )
    return cues, []


def _read_dialogue(row: Row, fields: Sequence[str]) -> SubtitleCue | None:
    kind, _, values = row.text.strip().partition(":")
    if kind != "Dialogue":
        return None
    cells = dict(zip(fields, values.split(",", len(fields) - 1), strict=False))
    start, end = (read_seconds(cells.get(name, "")) for name in ("start", "end"))
    if start is None:
        return None
    text = "" if _ASS_DRAWING.search(cells.get("text", "")) else cells.get("text", "")
    speaker = (cells.get("name") or cells.get("actor") or "").strip()
    shown = (Row(text, row.number, speaker),) if text.strip() else ()
    return SubtitleCue(start, end if end is not None and end > start else None, shown)


def _is_lrc(rows: Sequence[Row]) -> bool:
    """Times with a fraction are LRC's; without one they also stand in transcripts, before names."""
    timed = [(row, match) for row in rows if (match := _LRC_TIME.match(fold_width(row.text[:40])))]
    if any(match[4] is not None for _, match in timed) or _counts_hundredths(rows):
        return True
    return bool(timed) and not any(_NAMED.match(row.text[match.end() :]) for row, match in timed)


def _read_lrc(rows: Sequence[Row]) -> tuple[list[SubtitleCue], list[str]]:
    """LRC: `[mm:ss.xx]text`, several times for a text that returns; a row without a time goes on with the one above."""
    found: list[tuple[float, list[Row]]] = []
    notes: list[str] = []
    shift = 0.0
    shown: list[Row] | None = None
    hundredths = _counts_hundredths(rows)
    for row in rows:
        if offset := _LRC_OFFSET.match(row.text):
            shift = int(offset[1]) / 1000
        times, text = _split_lrc_times(row.text, hundredths)
        if not times and (not text.strip() or _LRC_HEADER.fullmatch(text)):
            continue
        shown = [] if times else shown
        if shown is None:
            notes.append(f"line {row.number}: left out {text.strip()!r}, which stands before any time")
            continue
        if text.strip():
            shown.append(replace(row, text=_LRC_WORD.sub("", text)))
        found += [(max(0.0, seconds - shift), shown) for seconds in times]
    starts = sorted({start for start, _ in found})
    ends = dict(pairwise(starts))
    return [
        SubtitleCue(start, ends.get(start), tuple(texts)) for start, texts in sorted(found, key=lambda item: item[0])
    ], notes


def _counts_hundredths(rows: Sequence[Row]) -> bool:
    """Whether the third number of `[01:02:75]` is hundredths of a second; in other files it is seconds."""
    times = (_LRC_TIME.match(fold_width(row.text[:40])) for row in rows)
    return any(match and match[1] is not None and int(match[3]) > 59 for match in times)


def _split_lrc_times(text: str, hundredths: bool) -> tuple[list[float], str]:
    times, position = [], 0
    while match := _LRC_TIME.match(fold_width(text[position : position + 40])):
        hours, minutes, seconds, fraction = match.groups()
        if hundredths and hours is not None:
            hours, minutes, seconds, fraction = None, hours, minutes, seconds
        times.append(_sum_clock(hours, minutes, seconds, fraction))
        position += match.end()
    return times, text[position:]


def _sum_clock(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction or 0}")


def _match_clocks(rows: Sequence[Row]) -> list[tuple[Row, re.Match[str] | None]]:
    return [(row, _CLOCK_ROW.fullmatch(fold_width(row.text))) for row in rows if row.text.strip()]


def _is_transcript(rows: Sequence[Row]) -> bool:
    """Whether each row begins with a clock, or clocks on rows of their own stand above the text, from zero on."""
    if not rows or next((not _CLOCK_ROW.match(row.text[:40]) for row in rows if row.text.strip()), True):
        return False
    found = _match_clocks(rows)
    clocks = [match for _, match in found if match]
    starts = [_sum_clock(*match.groups()[:4]) for match in clocks]
    if len(clocks) < 2 or starts != sorted(starts) or starts[0] >= _STARTS_BEFORE or starts[0] == starts[-1]:
        return False
    alone = not any(match["text"] for match in clocks)
    together = len(clocks) == len(found) and not any(_NAMED.match(match["text"] or "") for match in clocks)
    return bool(found[0][1]) and alone != together


def _read_transcript(rows: Sequence[Row]) -> tuple[list[SubtitleCue], list[str]]:
    """A transcript as players show it: `0:05 text`, `(00:05) text`, or a row `0:05` above the text."""
    shown: list[tuple[float, list[Row]]] = []
    for row, match in _match_clocks(rows):
        if match is not None:
            shown.append((_sum_clock(*match.groups()[:4]), []))
        text = row.text if match is None else row.text.strip()[-len(match["text"]) :] if match["text"] else ""
        if text:
            shown[-1][1].append(replace(row, text=text))
    ends = [*(start for start, _ in shown[1:]), None]
    return [
        SubtitleCue(start, end if end is None or end > start else None, tuple(texts))
        for (start, texts), end in zip(shown, ends, strict=True)
    ], []


def _is_microdvd(rows: Sequence[Row]) -> bool:
    filled = [row for row in rows if row.text.strip()]
    return bool(filled) and _MICRODVD.match(filled[0].text) is not None


def _read_microdvd(rows: Sequence[Row]) -> tuple[list[SubtitleCue], list[str]]:
    """MicroDVD: `{first frame}{last frame}text`; a first row `{1}{1}25` says the frames a second."""
    rate = _MICRODVD_RATE
    cues: list[SubtitleCue] = []
    for row in rows:
        match = _MICRODVD.match(row.text)
        if match is None:
            continue
        first, last, text = int(match[1]), int(match[2] or 0), match[3]
        if not cues and first == last and re.fullmatch(r"\d{1,3}(?:\.\d{1,3})?", text.strip()) and float(text):
            rate = float(text)
            continue
        shown = tuple(Row(part, row.number) for part in text.split("|") if part.strip())
        cues.append(SubtitleCue(first / rate, last / rate if last > first else None, shown))
    return cues, [f"MicroDVD counts frames; read at {rate:g} a second"]


_FORMATS: tuple[
    tuple[Callable[[Sequence[Row]], bool], Callable[[Sequence[Row]], tuple[list[SubtitleCue], list[str]]]], ...
] = (
    (_is_ass, _read_ass),
    (_has_timing, _read_blocks),
    (_is_lrc, _read_lrc),
    (_is_microdvd, _read_microdvd),
    (_is_transcript, _read_transcript),
)
"""What tells a format, and what reads it; the first that fits."""

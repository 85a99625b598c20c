"""Speech of a given length, a subtitle's or the script's own: in how many frames a line's segments are rendered."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from .options import SpeakOptions
from .records import Line
from .segments import FRAMES_PER_SECOND, DecodedSegment, Segment

FIXED_SPEEDS = (0.5, 2.0)
"""The slowest and the fastest that a line may be spoken whose length its script fixes."""

TINY_FRAME = 1e-6
"""Of a frame: what rounding may take from a whole number of them."""


def asked_seconds(line: Line) -> float | None:
    """How long a line's take is to be; None leaves that to the voice."""
    return line.wished_seconds if line.fixed_seconds is None else line.fixed_seconds


def fit_segments(
    decoded: Iterable[DecodedSegment], segments: Sequence[Segment], options: SpeakOptions, frames_per_code: float
) -> Iterator[DecodedSegment]:
    """`decoded` as they come; those of a line of a given length when all of it is there, in the frames it takes.

    segments: all that will come. One speed holds for the whole line, within `options.fit_speeds`, or `FIXED_SPEEDS`
    where the script fixes the length; within these the take is as long to less than a mel frame, and never longer.
    """
    awaited = Counter(segment.place for segment in segments if asked_seconds(segment.line) is not None)
    waiting: dict[int, list[DecodedSegment]] = defaultdict(list)
    for item in decoded:
        place = item.segment.place
        if place not in awaited:
            yield item
            continue
        waiting[place].append(item)
        if len(waiting[place]) == awaited[place]:
            yield from _fit_line(waiting.pop(place), options, frames_per_code)


def _fit_line(
    whole: Sequence[DecodedSegment], options: SpeakOptions, frames_per_code: float
) -> Iterator[DecodedSegment]:
    """The parts in their order, each ending where its share of all frames ends."""
    speed = choose_speed(whole, options, frames_per_code)
    ends, said = {}, 0
    for part in sorted(whole, key=lambda part: part.segment.part):
        start, said = said, said + len(part.answer.tokens)
        first, last = (int(codes * frames_per_code / speed + TINY_FRAME) for codes in (start, said))
        ends[part.segment.part] = max(1, last - first)
    for part in whole:
        line = replace(part.segment.line, speed=speed)
        yield replace(part, segment=replace(part.segment, line=line, frames=ends[part.segment.part]))


def choose_speed(whole: Sequence[DecodedSegment], options: SpeakOptions, frames_per_code: float) -> float:
    """The speed at which all segments of a line, and the pauses between them, last as long as is asked."""
    line = whole[0].segment.line
    asked = asked_seconds(line)
    assert asked is not None
    pauses = options.segment_silence_seconds * (len(whole) - 1)
    natural = sum(len(part.answer.tokens) for part in whole) * frames_per_code
    slowest, fastest = options.fit_speeds if line.fixed_seconds is None else FIXED_SPEEDS
    left = max(0.0, asked - pauses) * FRAMES_PER_SECOND
    return fastest if left <= 0 else min(fastest, max(slowest, natural / left))

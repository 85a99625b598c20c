"""Speech in the length of its subtitle: the speed that a line's segments are rendered at, once all are decoded."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from .options import SpeakOptions
from .segments import FRAMES_PER_SECOND, DecodedSegment, Segment


def fit_segments(
    decoded: Iterable[DecodedSegment], segments: Sequence[Segment], options: SpeakOptions, frames_per_code: float
) -> Iterator[DecodedSegment]:
    """`decoded` as they come; those of a line with `wished_seconds` when all of it is there, at the speed it takes.

    segments: all that will come. One speed holds for the whole line, within `options.fit_speeds`.
    """
    awaited = Counter(segment.place for segment in segments if segment.line.wished_seconds is not None)
    waiting: dict[int, list[DecodedSegment]] = defaultdict(list)
    for item in decoded:
        place = item.segment.place
        if place not in awaited:
            yield item
            continue
        waiting[place].append(item)
        if len(waiting[place]) == awaited[place]:
            whole = waiting.pop(place)
            speed = choose_speed(whole, options, frames_per_code)
            for part in whole:
                line = replace(part.segment.line, speed=speed)
                yield replace(part, segment=replace(part.segment, line=line))


def choose_speed(whole: Sequence[DecodedSegment], options: SpeakOptions, frames_per_code: float) -> float:
    """The speed at which all segments of a line, and the pauses between them, last `wished_seconds`."""
    wished = whole[0].segment.line.wished_seconds
    assert wished is not None
    pauses = options.segment_silence_seconds * (len(whole) - 1)
    natural = sum(len(part.answer.tokens) for part in whole) * frames_per_code
    slowest, fastest = options.fit_speeds
    left = max(0.0, wished - pauses) * FRAMES_PER_SECOND
    return fastest if left <= 0 else min(fastest, max(slowest, natural / left))

"""An exception at any line of allocator, scheduler and batch, as Ctrl-C may raise one, leaves an engine that works.

INDEXTTS_EVERY_LINE=1 tries all of them, not a sample.
"""

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import pytest
from helpers.tiny_decoder import random_prompt, tiny_weights
from indextts2_multitalk.accel import batch, scheduler
from indextts2_multitalk.accel.cache import cache_pool, free_pages, page_allocator
from indextts2_multitalk.accel.engine import Engine, EngineOptions
from indextts2_multitalk.accel.request import Request
from indextts2_multitalk.accel.sampling.params import SamplingParams

WATCHED = {str(module.__file__) for module in (batch, scheduler, cache_pool, free_pages, page_allocator)}
SAMPLE = 40


class Interruption(BaseException):
    """As KeyboardInterrupt, nobody's to catch."""


@contextmanager
def interrupted_at(event: int | None) -> Iterator[list[int]]:
    """Count the line events of the watched modules; raise at number `event`."""
    seen = [0]

    def trace(frame: FrameType, kind: str, _: Any) -> Any:
        if frame.f_code.co_filename not in WATCHED:
            return None
        if kind == "line":
            seen[0] += 1
            if seen[0] - 1 == event:
                raise Interruption
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield seen
    finally:
        sys.settrace(before)


def new_engine() -> Engine:
    """With a cache that has to grow and to be waited for."""
    return Engine(
        tiny_weights(stop_bias=-1.0), EngineOptions(max_lanes=3, expected_tokens=4, page_size=4, poll_steps=2)
    )


def requests(beams: int) -> list[Request]:
    sampling = SamplingParams(num_beams=beams)
    return [Request(random_prompt(5 + place, place), place, sampling, 3 + 3 * place) for place in range(4)]


def decode(engine: Engine, beams: int) -> list[tuple[int, list[int]]]:
    return sorted((answer.index, answer.tokens.tolist()) for answer in engine.generate(requests(beams)))


@pytest.mark.parametrize("beams", [1, 3])
def test_an_exception_at_any_line_leaves_an_engine_that_works(beams: int) -> None:
    expected = decode(new_engine(), beams)
    with interrupted_at(None) as counted:
        decode(new_engine(), beams)
    events = range(counted[0])
    assert len(events) > 500
    chosen = events if os.environ.get("INDEXTTS_EVERY_LINE") else random.Random(beams).sample(events, SAMPLE)
    engine = new_engine()
    for event in chosen:
        with interrupted_at(event), suppress(Interruption):
            decode(engine, beams)
        assert decode(engine, beams) == expected, event
        allocator = engine._pool.allocator
        assert allocator.free_pages == allocator.total_pages, event
        assert engine._pool.cache is not None and engine._pool.cache.page_count > allocator.total_pages, event
        if event % 3 == 0:
            engine = new_engine()  # with its cache still small

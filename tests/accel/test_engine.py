"""The engine on a tiny decoder: random schedules, cancelling anywhere, pages, limits. No figure here is golden; a
line decoded alone with the widest cache is what every other schedule must reproduce."""

import logging
import weakref
from dataclasses import replace

import pytest
import torch
from helpers.schedules import LIMIT, SAMPLED, SETTINGS, build, options, requests
from helpers.tiny_decoder import POSITIONS, tiny_weights
from hypothesis import given, settings
from hypothesis import strategies as st
from indextts2_multitalk.accel.cache.page_allocator import SCRATCH_PAGE, OutOfCacheMemory
from indextts2_multitalk.accel.cache.paged_cache import PagedCache
from indextts2_multitalk.accel.engine import Engine, EngineOptions
from indextts2_multitalk.accel.request import Request
from indextts2_multitalk.accel.runners.torch_runner import TorchRunner
from indextts2_multitalk.accel.scheduler import worst_case_pages

WEIGHTS = tiny_weights(stop_bias=-2.0)
NEVER_STOPS = tiny_weights(stop_bias=-1e4)


PROBE = build(3, 1, 6, SAMPLED)
memo: dict = {}


def alone(request: Request) -> tuple[list[int], bool]:
    key = (request.prompt.shape[0], request.seed, request.max_tokens, request.sampling)
    if key not in memo:
        (answer,) = Engine(WEIGHTS, EngineOptions(page_size=64)).generate([request])
        memo[key] = (answer.tokens.tolist(), answer.finished)
    return memo[key]


def pages_of(engine: Engine) -> tuple[int, int]:
    return engine._pool.allocator.free_pages, engine._pool.allocator.total_pages


def check_clean(engine: Engine) -> None:
    """Every page is back, every lane is empty, and the engine still works."""
    free, total = pages_of(engine)
    assert free == total
    for state in engine._states.values():
        assert state.lanes.finished.all()
        assert not state.rows.block_tables.any()
    (answer,) = engine.generate([PROBE])
    assert (answer.tokens.tolist(), answer.finished) == alone(PROBE)


@settings(max_examples=40)
@given(requests, options)
def test_no_schedule_changes_a_line(todo, chosen):
    engine = Engine(WEIGHTS, chosen)
    answers = {answer.index: (answer.tokens.tolist(), answer.finished) for answer in engine.generate(todo)}
    assert answers == {index: alone(request) for index, request in enumerate(todo)}
    check_clean(engine)


@settings(max_examples=30)
@given(requests, st.integers(0, 60), st.integers(0, 2))
def test_a_cache_that_holds_little_more_than_one_line_serves_all(todo, spare, behind):
    need = max(worst_case_pages(request, 4) for request in [*todo, PROBE]) + 1 + spare
    page_bytes = 2 * len(WEIGHTS.layers) * 4 * WEIGHTS.width * 4
    chosen = EngineOptions(max_lanes=5, page_size=4, poll_steps=3, max_cache_bytes=need * page_bytes)
    tight = Engine(WEIGHTS, replace(chosen, readbacks_behind=behind))
    answers = {answer.index: (answer.tokens.tolist(), answer.finished) for answer in tight.generate(todo)}
    assert answers == {index: alone(request) for index, request in enumerate(todo)}
    assert tight._pool.cache_bytes <= need * page_bytes
    check_clean(tight)


class Cancelled(BaseException):
    """As a user interface's interrupt, not an Exception."""


@settings(max_examples=40)
@given(requests, options, st.integers(0, 25), st.booleans())
def test_a_run_cancelled_anywhere_returns_every_page(todo, chosen, polls, by_closing):
    engine = Engine(WEIGHTS, chosen)
    seen: list[int] = []

    def on_poll(drawn: int) -> None:
        seen.append(drawn)
        if len(seen) > polls and not by_closing:
            raise Cancelled

    run = engine.generate(todo, on_poll)
    try:
        for number, _ in enumerate(run):
            if by_closing and number == polls % len(todo):
                run.close()
    except Cancelled:
        pass
    assert seen == sorted(seen)
    check_clean(engine)


def test_a_failing_step_returns_every_page(monkeypatch):
    engine, steps = Engine(WEIGHTS, EngineOptions(page_size=4)), []

    def fail(runner, state, lanes, count, planned):
        steps.append(lanes)
        raise RuntimeError("device lost")

    with monkeypatch.context() as patch:
        patch.setattr(TorchRunner, "run_steps", fail)
        with pytest.raises(RuntimeError, match="device lost"):
            list(engine.generate([build(3, 0, 4, s) for s in SETTINGS]))
    assert steps
    check_clean(engine)


@pytest.mark.parametrize("sampling", SETTINGS)
def test_lines_run_to_the_models_last_position(sampling):
    engine = Engine(NEVER_STOPS, EngineOptions(page_size=4, poll_steps=4))
    assert LIMIT == POSITIONS - 1
    answers = list(engine.generate([build(5, seed, LIMIT, sampling) for seed in range(3)]))
    assert [(len(a.tokens), a.finished) for a in answers] == [(LIMIT, False)] * 3
    with pytest.raises(ValueError, match=f"max_tokens is {LIMIT + 1}, expected 1..{LIMIT}"):
        next(engine.generate([build(5, 0, LIMIT + 1, sampling)]))


def test_answers_come_when_they_are_ready():
    engine = Engine(NEVER_STOPS, EngineOptions(poll_steps=1))
    lengths = [20, 5, 40, 1]
    answers = [answer.index for answer in engine.generate([build(4, i, n, SAMPLED) for i, n in enumerate(lengths)])]
    assert answers == [3, 1, 0, 2]


@pytest.mark.parametrize("behind", [0, 1])
def test_poll_hears_the_tokens_of_all_lines(behind):
    engine, seen = Engine(NEVER_STOPS, EngineOptions(max_lanes=2, poll_steps=4, readbacks_behind=behind)), []
    list(engine.generate([build(4, i, 10, s) for i, s in enumerate(SETTINGS)], seen.append))
    assert seen[-1] == 40
    assert seen == sorted(seen)


def test_memory_that_falls_short_is_told_once(caplog):
    page_bytes = 2 * len(WEIGHTS.layers) * 4 * WEIGHTS.width * 4
    engine = Engine(NEVER_STOPS, EngineOptions(page_size=4, max_cache_bytes=16 * page_bytes))
    with caplog.at_level(logging.INFO, logger="indextts2_multitalk.accel"):
        list(engine.generate([build(4, i, 40, SAMPLED) for i in range(6)]))
    told = [record.getMessage() for record in caplog.records if "take turns" in record.getMessage()]
    assert len(told) == 1
    assert "of 6 lines" in told[0]


def test_a_line_that_cannot_fit_says_what_to_lower():
    engine = Engine(WEIGHTS, EngineOptions(page_size=4, max_cache_bytes=16_384))
    with pytest.raises(OutOfCacheMemory, match="lower its 40 tokens or its 3 beams, or raise the limit"):
        list(engine.generate([build(9, 0, 40, SETTINGS[2])]))
    check_clean(engine)


def test_a_cache_starts_as_large_as_lines_usually_need():
    engine = Engine(NEVER_STOPS, EngineOptions(page_size=4, expected_tokens=6, max_lanes=3, poll_steps=1))
    run = engine.generate([build(6, seed, 5 if seed else 2, SAMPLED) for seed in range(5)])
    next(run)
    assert engine._pool.allocator.total_pages == 3 * 3  # three lanes of 6 + 5 - 1 tokens
    run.close()
    run = engine.generate([build(6, seed, 5, SETTINGS[2]) for seed in range(2)])
    next(run)
    assert engine._pool.allocator.limit == 2 * worst_case_pages(build(6, 0, 5, SETTINGS[2]), 4)
    run.close()


def test_a_cache_grows_while_lines_decode(caplog):
    engine = Engine(NEVER_STOPS, EngineOptions(page_size=4, expected_tokens=4))
    todo = [build(6, seed, 45, SETTINGS[seed % 3]) for seed in range(6)]
    with caplog.at_level(logging.INFO, logger="indextts2_multitalk.accel"):
        grown = {a.index: a.tokens.tolist() for a in engine.generate(todo)}
    assert any("grows" in record.getMessage() for record in caplog.records)
    wide = Engine(NEVER_STOPS, EngineOptions(page_size=64))
    assert grown == {a.index: a.tokens.tolist() for a in wide.generate(todo)}


def test_a_cache_that_makes_way_for_a_larger_one_is_gone_before(monkeypatch):
    engine = Engine(WEIGHTS)
    list(engine.generate([build(3, 0, 9, SAMPLED)]))
    old, new_cache = weakref.ref(engine._pool.cache), engine._pool._new_cache

    def allocate(pages):
        assert old() is None, "else a device has to have room for both"
        return new_cache(pages)

    monkeypatch.setattr(engine._pool, "_new_cache", allocate)
    assert len(list(engine.generate([build(3, n, 9, SAMPLED) for n in range(8)]))) == 8


def test_one_run_at_a_time():
    engine = Engine(WEIGHTS)
    first = engine.generate([build(3, i, 20, SAMPLED) for i in range(3)])
    next(first)
    with pytest.raises(RuntimeError, match="already decodes"):
        next(engine.generate([build(3, 0, 5, SAMPLED)]))
    first.close()
    check_clean(engine)


def test_close_drops_the_memory_and_the_engine_can_go_on():
    engine = Engine(WEIGHTS)
    request = build(3, 0, 9, SAMPLED)
    list(engine.generate([request]))
    assert engine._pool.cache_bytes > 0
    engine.close()
    assert engine._pool.cache_bytes == 0
    (answer,) = engine.generate([request])
    assert (answer.tokens.tolist(), answer.finished) == alone(request)


def test_the_caller_is_not_left_in_inference_mode():
    for _ in Engine(WEIGHTS).generate([build(3, i, 5, SAMPLED) for i in range(2)], lambda drawn: None):
        assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize("sampling", SETTINGS)
def test_memory_that_was_never_written_does_not_count(sampling, monkeypatch):
    allocate = PagedCache.allocate

    def poisoned(*arguments):
        cache = allocate(*arguments)
        for pages in (cache.keys, cache.values):
            pages[:, SCRATCH_PAGE + 1 :] = 1e4
        return cache

    monkeypatch.setattr(PagedCache, "allocate", staticmethod(poisoned))
    todo = [build(6, seed, 25, sampling) for seed in range(3)]
    answers = list(Engine(WEIGHTS, EngineOptions(page_size=4)).generate(todo))
    monkeypatch.undo()
    assert all((a.tokens.tolist(), a.finished) == alone(todo[a.index]) for a in answers)


def test_no_requests_no_answers():
    assert list(Engine(WEIGHTS).generate([])) == []

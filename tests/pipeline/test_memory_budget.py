"""The budget's arithmetic over a device whose free memory a test sets."""

import json
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.accel.engine import CacheDemand, EngineOptions, RunLimits
from indextts2_multitalk.indextts.config import BigVGANConfig, ModelConfig
from indextts2_multitalk.indextts.memory_budget import MARGIN_BYTES, MemoryBudget, what_fits
from indextts2_multitalk.indextts.memory_costs import DECODE_BYTES, RELEASED, RunBytes, StageCosts, estimate_run_bytes
from indextts2_multitalk.indextts.options import SpeakOptions
from indextts2_multitalk.indextts.records import Line

GIB, MIB = 2**30, 2**20
RENDERING = (100 * MIB, 800 * MIB, 1500 * MIB)
DEMAND = CacheDemand(least=200 * MIB, expected=2 * GIB, worst=5 * GIB, lanes=16)


@dataclass
class FakeMemory:
    """free_bytes None: a device without limits."""

    free_bytes: int | None = None
    total_bytes: int | None = None
    given_back: int = 0
    gathered: list[int] = field(default_factory=list)

    def give_back(self) -> None:
        self.given_back += 1

    def gather(self, size: int) -> None:
        self.gathered.append(size)


def budget_of(free: int | None, dropped: list[str] | None = None) -> MemoryBudget:
    return MemoryBudget(FakeMemory(free), RELEASED, lambda: dropped.append("graphs") if dropped is not None else None)


def out_of_memory(*_: object) -> list[int]:
    raise torch.OutOfMemoryError("CUDA out of memory")


def cost(items: list[int]) -> int:
    return sum(items)


def test_where_nothing_is_short_nothing_is_limited():
    dropped: list[str] = []
    for free in (None, 8 * GIB):
        budget = budget_of(free, dropped)
        assert budget.limit_decoding(DEMAND, 0, RENDERING) == RunLimits()
        assert budget.run_in_batches("flow", [GIB] * 8, cost, lambda part: [len(part)] * len(part)) == [8] * 8
        assert budget.fit_units("vocoder", 8192, RELEASED.vocoder_frame, 256) == 8192
        assert budget.graphs and not budget.cuts and not budget.memory.gathered
    assert not dropped


def test_a_short_run_shares_its_memory_between_cache_and_rendering():
    dropped: list[str] = []
    budget = budget_of(2 * GIB + MARGIN_BYTES, dropped)
    limits = budget.limit_decoding(DEMAND, 0, RENDERING)
    kept = 2 * GIB // 3
    assert limits.max_cache_bytes == 2 * GIB - kept - DECODE_BYTES
    assert limits.max_lanes == 16 * limits.max_cache_bytes // (2 * GIB)
    assert limits.prompt_rows == kept // RELEASED.position
    assert not budget.graphs and dropped == ["graphs"]
    assert budget.cuts[-1].startswith(f"{limits.max_lanes} lines decoded at once, not 16: 2.2 GiB free")


def test_one_line_gets_what_it_may_need_whatever_is_free():
    limits = budget_of(0).limit_decoding(DEMAND, 0, RENDERING)
    assert (limits.max_lanes, limits.max_cache_bytes) == (1, DEMAND.least)
    assert limits.prompt_rows is not None and limits.prompt_rows >= 1


def test_a_cache_of_about_the_right_size_stays():
    budget = budget_of(2 * GIB + MARGIN_BYTES)
    fresh = budget.limit_decoding(DEMAND, 0, RENDERING).max_cache_bytes
    held = fresh - 50 * MIB
    budget.memory.free_bytes -= held
    assert budget.limit_decoding(DEMAND, held, RENDERING).max_cache_bytes == held


@given(st.integers(0, 12 * GIB), st.integers(0, 4 * GIB), st.integers(0, 6))
def test_limits_are_never_more_than_there_is_but_for_one_line(free, held, failures):
    budget = budget_of(free)
    for _ in range(failures):
        budget.begin_run()
        budget.short, budget._squeezes = True, failures
    limits = budget.limit_decoding(DEMAND, held, RENDERING)
    if limits.max_cache_bytes is None:
        assert free + held >= DEMAND.expected + RENDERING[2]
        return
    room = max(0, free - MARGIN_BYTES) + held
    assert DEMAND.least <= limits.max_cache_bytes <= max(DEMAND.least, room - RENDERING[0])
    assert 1 <= limits.max_lanes <= DEMAND.lanes


def test_batches_are_cut_to_what_is_free():
    budget = budget_of(100 + MARGIN_BYTES)
    budget.expect(GIB)
    sizes = budget.run_in_batches("flow", [40, 40, 40, 90, 300, 20], cost, lambda part: [len(part)] * len(part))
    assert sizes == [2, 2, 1, 1, 1, 1], "as many as fit, and one that does not fit is tried alone"
    assert budget.memory.gathered == [80, 40, 90, 300, 20], "each finds its memory in one piece"
    assert any(cut.startswith("flow in batches of 1, not 6") for cut in budget.cuts)


def test_a_batch_that_does_not_fit_is_halved_and_stays_so():
    dropped: list[str] = []
    budget, tried = budget_of(None, dropped), []

    def work(part: list[int]) -> list[int]:
        tried.append(len(part))
        return part if len(part) <= 2 else out_of_memory()

    assert budget.run_in_batches("flow", list(range(9)), cost, work) == list(range(9))
    assert tried == [9, 4, 2, 2, 2, 2, 1]
    assert dropped == ["graphs"] and budget.memory.given_back >= 2
    tried.clear()
    budget.run_in_batches("flow", list(range(4)), cost, work)
    assert tried == [2, 2], "the next batch of the run does not try again what did not fit"
    budget.begin_run()
    assert budget.graphs and not budget.cuts


def test_last_resorts_are_used_while_they_free_anything_then_the_error_is_raised():
    budget, used, left = budget_of(None), [], {"nothing": 0, "cache": 2, "turns": 1}

    def resort(name: str) -> bool:
        left[name] -= 1
        if left[name] >= 0:
            used.append(name)
        return left[name] >= 0

    budget.begin_run([partial(resort, name) for name in left])
    tries: list[bool] = []

    def work(amount: int) -> int:
        tries.append(budget.graphs)
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        budget.attempt("conditioning", 1, work)
    assert used == ["cache", "cache", "turns"]
    assert tries == [True, *[False] * 4], "with graphs, without, and after each resort that freed anything"


@pytest.mark.parametrize("words", ["CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"])
def test_what_libraries_say_counts_and_other_errors_do_not(words):
    budget, calls = budget_of(None), []

    def work(amount: int) -> int:
        calls.append(amount)
        if len(calls) == 1:
            raise RuntimeError(words)
        return amount

    assert budget.attempt("flow", 4, work) == 2

    def break_down(amount: int) -> int:
        raise RuntimeError("an illegal memory access was encountered")

    with pytest.raises(RuntimeError, match="illegal"):
        budget.attempt("flow", 4, break_down)


def test_a_failed_attempt_holds_no_tensors():
    budget, held = budget_of(None), []

    class Held:
        def __del__(self) -> None:
            held.append("gone")

    def work(amount: int) -> str:
        if amount == 1:
            return "".join(held)
        kept = Held()
        raise torch.OutOfMemoryError(f"CUDA out of memory beside {type(kept)}")

    assert budget.attempt("flow", 2, work) == "gone"


def test_the_vocoder_gets_as_many_frames_as_fit():
    budget = budget_of(1000 * RELEASED.vocoder_frame + MARGIN_BYTES)
    budget.expect(GIB)
    assert budget.fit_units("vocoder", 8192, RELEASED.vocoder_frame, 256) == 1000
    budget.memory.free_bytes = 0
    assert budget.fit_units("vocoder", 8192, RELEASED.vocoder_frame, 256) == 256


@given(st.integers(0, 30 * GIB), st.integers(1, 64), st.integers(1, 4))
def test_more_memory_never_fits_less(free, lines, beams):
    less, more = (what_fits(size, lines, beams) for size in (free, free + GIB))
    assert less.lines_at_once <= more.lines_at_once <= lines
    assert less.flow_batch <= more.flow_batch <= 8


def test_what_fits_says_it_in_words():
    assert str(what_fits(40 * GIB, 16, 3)) == "16 lines × 3 beams at once"
    assert str(what_fits(40 * GIB, 1, 1)) == "1 line at once"
    assert str(what_fits(2 * GIB, 1, 1)) == "not one line fits"
    assert what_fits(4 * GIB, 64, 3).lines_at_once >= 1
    assert what_fits(8 * GIB, 16, 3).lines_at_once == 16


def test_the_released_models_costs_are_those_of_its_configuration():
    config = json.loads((Path(__file__).parents[1] / "goldens" / "full_config.json").read_text(encoding="utf-8"))
    vocoder = BigVGANConfig.model_validate(config.pop("bigvgan"))
    assert StageCosts.from_configs(ModelConfig.model_validate(config), vocoder, 2) == RELEASED


def test_limits_never_raise_what_the_engine_was_given():
    options = EngineOptions(max_lanes=8, max_cache_bytes=1000, prompt_rows=64)
    assert RunLimits().apply_to(options) == options
    wide = RunLimits(max_lanes=99, max_cache_bytes=9999, prompt_rows=999).apply_to(options)
    assert (wide.max_lanes, wide.max_cache_bytes, wide.prompt_rows) == (8, 1000, 64)
    tight = RunLimits(2, 10, 5).apply_to(options)
    assert (tight.max_lanes, tight.max_cache_bytes, tight.prompt_rows) == (2, 10, 5)


def test_the_estimate_grows_with_lines_and_beams():
    def needed(count: int, beams: int) -> RunBytes:
        said = [Line(n, "Ann", "Good morning, how are you today?") for n in range(count)]
        return estimate_run_bytes(RELEASED, said, SpeakOptions(num_beams=beams))

    assert needed(1, 1).whole < needed(16, 1).whole < needed(16, 3).whole
    assert needed(64, 3) == needed(200, 3), "no more lines than the engine decodes at once"
    assert needed(16, 3).batch < needed(16, 3).whole and needed(16, 3).batch == needed(64, 3).batch

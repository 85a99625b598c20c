"""Steps that are launched before the last ones' outcome is read: every line still has pages where it writes."""

import itertools
from dataclasses import replace

import pytest
from helpers.schedules import SAMPLED, build, options, requests
from helpers.tiny_decoder import tiny_weights
from hypothesis import example, given, settings
from indextts2_multitalk.accel.cache.page_allocator import SCRATCH_PAGE
from indextts2_multitalk.accel.engine import Engine, EngineOptions
from indextts2_multitalk.accel.readback import StatusReadback
from indextts2_multitalk.accel.runners.torch_runner import TorchRunner

WEIGHTS = tiny_weights(stop_bias=-2.0)
NEVER_STOPS = tiny_weights(stop_bias=-1e4)


@settings(max_examples=30)
@given(requests, options)
# The longer line stops while more steps of the shorter one are under way than it may make.
@example([build(3, 0, 4, SAMPLED), build(4, 1, 5, SAMPLED)], EngineOptions(poll_steps=1, readbacks_behind=2))
def test_lines_have_pages_for_every_step_that_is_launched(todo, chosen):
    """The scratch page is none: what a line that goes on stores there would be lost."""

    class Runner(TorchRunner):
        def run_steps(self, state, lanes, steps, planned):
            assert steps >= 1
            drawn, limits, lengths = (
                x.tolist() for x in (state.lanes.steps, state.lanes.limits, state.rows.lengths.view(-1, state.beams))
            )
            for lane in range(lanes):
                if state.alive_lanes[lane]:
                    end = lengths[lane][0] + min(steps, limits[lane] - drawn[lane])
                    tables = state.rows.block_tables[lane * state.beams : (lane + 1) * state.beams]
                    assert (tables[:, : -(-end // self._cache.page_size)] != SCRATCH_PAGE).all()
            super().run_steps(state, lanes, steps, planned)

    engine = Engine(WEIGHTS, chosen)
    engine._new_runner = lambda cache: Runner(WEIGHTS, cache, engine.attention.backend)
    assert sorted(answer.index for answer in engine.generate(todo)) == list(range(len(todo)))


@pytest.mark.parametrize(("behind", "expected"), [(0, "jR4R4R1R"), (1, "jR44R1RR"), (5, "jR441RRR")])
@pytest.mark.parametrize("beams", [1, 3])
def test_steps_are_launched_before_the_last_ones_are_read(behind, expected, beams, monkeypatch):
    """j: a line joins. A number: so many steps start. R: a readback is read. No step starts that nobody can want."""
    told = []

    def note(kind, name, word):
        given = getattr(kind, name)
        monkeypatch.setattr(kind, name, lambda *args: told.append(word(*args)) or given(*args))

    note(TorchRunner, "draw_first", lambda *_: "j")
    note(TorchRunner, "run_steps", lambda _runner, _state, _lanes, steps, _planned: str(steps))
    note(StatusReadback, "read_status", lambda _: "R")
    engine = Engine(NEVER_STOPS, EngineOptions(poll_steps=4, readbacks_behind=behind), clock=lambda: 0.0)
    list(engine.generate([build(3, 0, 10, replace(SAMPLED, num_beams=beams))]))
    assert "".join(told) == expected


def test_a_slow_machine_reads_back_in_time(monkeypatch):
    """Every step takes 0.03 s: after two of them the host wants to know."""
    seconds, counts = [0.0], []
    run, step = TorchRunner.run_steps, TorchRunner.decode_logits

    def slow(runner, state):
        seconds[0] += 0.03
        return step(runner, state)

    def counted(runner, state, lanes, steps, planned):
        before = int(state.lanes.steps[0])
        run(runner, state, lanes, steps, planned)
        counts.append(int(state.lanes.steps[0]) - before)

    monkeypatch.setattr(TorchRunner, "run_steps", counted)
    monkeypatch.setattr(TorchRunner, "decode_logits", slow)
    engine = Engine(NEVER_STOPS, EngineOptions(poll_steps=4), clock=lambda: seconds[0])
    list(engine.generate([build(3, 0, 7, SAMPLED)]))
    assert counts == [2, 2, 2]


def test_a_long_step_is_polled_in_every_layer_and_can_be_cancelled_there():
    """A second goes by between any two looks at the clock."""
    seconds = itertools.count()
    engine = Engine(WEIGHTS, clock=lambda: float(next(seconds)))
    todo = [build(3, beams, 4, replace(SAMPLED, num_beams=beams)) for beams in (1, 3)]
    polls = []
    expected = {answer.index: answer.tokens.tolist() for answer in engine.generate(todo, polls.append)}
    assert polls == sorted(polls)
    assert len(polls) > 4 * len(WEIGHTS.layers)
    for last in range(0, len(polls), 7):
        left = iter([False] * last + [True])

        def cancel(_, left=left):
            if next(left):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            list(engine.generate(todo, cancel))
        assert {answer.index: answer.tokens.tolist() for answer in engine.generate(todo)} == expected

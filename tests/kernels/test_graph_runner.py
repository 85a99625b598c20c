"""The engine over captured kernels draws what plain torch draws; without a GPU, a "graph" is the step itself."""

from dataclasses import replace

import pytest
import torch

triton = pytest.importorskip("triton")
from helpers.graphs import stand_in_for_graphs  # noqa: E402
from helpers.kernel_decoder import WIDTH, weights  # noqa: E402
from helpers.kernels import DEVICE, MARKS, normal  # noqa: E402
from indextts2_multitalk.accel.engine import Engine, EngineOptions, RunLimits  # noqa: E402
from indextts2_multitalk.accel.kernels.decode_step import step_shapes  # noqa: E402
from indextts2_multitalk.accel.request import Request  # noqa: E402
from indextts2_multitalk.accel.runners import graph_runner, prefill_graphs  # noqa: E402
from indextts2_multitalk.accel.sampling.params import SamplingParams  # noqa: E402
from indextts2_multitalk.accel.state import round_up_lanes  # noqa: E402
from indextts2_multitalk.runtime import cuda_graphs  # noqa: E402

pytestmark = MARKS
SAMPLED = SamplingParams(num_beams=1, temperature=1.0, top_k=6, top_p=0.9, repetition_penalty=1.5)


@pytest.fixture(autouse=True)
def _graphs(monkeypatch):
    """Graphs without a GPU: replaying is running."""
    monkeypatch.setattr(
        Engine,
        "_new_runner",
        lambda engine, cache: graph_runner.GraphRunner(engine._weights, cache, engine.attention.backend),
    )
    if DEVICE.type == "cpu":
        stand_in_for_graphs(monkeypatch)


def tokens(engine: Engine, requests: list[Request]) -> dict[int, list[int]]:
    return {answer.index: answer.tokens.tolist() for answer in engine.generate(requests)}


@pytest.mark.parametrize("sampling", [SAMPLED, replace(SAMPLED, do_sample=False), replace(SAMPLED, num_beams=2)])
def test_graphs_draw_what_plain_torch_draws(sampling, monkeypatch):
    decoder = weights(torch.float32, 2, layers=1)
    lines = 3 if sampling.num_beams == 1 else 1
    requests = [Request(normal(3 + i, WIDTH, seed=i), i, sampling, 3 + i, history=(1,)) for i in range(lines)]
    options = EngineOptions(page_size=4, poll_steps=2)
    engine = Engine(decoder, options)
    drawn = tokens(engine, requests)
    assert engine._runner.name == "CUDA graphs"
    monkeypatch.undo()
    assert drawn == tokens(Engine(decoder, replace(options, graphs=False)), requests)


def test_prompts_of_any_length_share_graphs(monkeypatch):
    """Each by itself, so that every prefill is one prompt's; the second of a size replays what the first left."""
    decoder = weights(torch.float32, 1, layers=1)
    monkeypatch.setattr(prefill_graphs, "ROUND_ROWS", 4)
    monkeypatch.setattr(prefill_graphs, "MOST_ROWS", 12)
    engine = Engine(decoder, EngineOptions(page_size=4))
    prompts = [normal(rows, WIDTH, seed=rows) for rows in (13, 7, 5, 3)]
    drawn = [tokens(engine, [Request(prompt, 1, SAMPLED, 2)]) for prompt in prompts]
    assert sorted(key[1] for key in engine._runner._graphs if key[0] == "prefill") == [4, 8]
    monkeypatch.undo()
    plain = Engine(decoder, EngineOptions(page_size=4, graphs=False))
    assert drawn == [tokens(plain, [Request(prompt, 1, SAMPLED, 2)]) for prompt in prompts]


def test_what_cannot_be_captured_is_launched_one_by_one(monkeypatch, caplog):
    def refuse(work, device, pool):
        raise RuntimeError("no graphs today")

    monkeypatch.setattr(cuda_graphs, "capture_graph", refuse)
    decoder = weights(torch.float32, 1, layers=1)
    request = Request(normal(2, WIDTH), 1, SAMPLED, 4)
    drawn = tokens(Engine(decoder, EngineOptions(page_size=4)), [request])
    assert "cannot be captured (no graphs today)" in caplog.text
    monkeypatch.undo()
    assert drawn == tokens(Engine(decoder, EngineOptions(page_size=4, graphs=False)), [request])


def test_lanes_are_rounded_up_to_a_power_of_two():
    assert [round_up_lanes(lanes) for lanes in (1, 2, 3, 5, 9)] == [1, 2, 4, 8, 16]


@pytest.mark.parametrize("beams", [1, 3])
def test_a_step_has_the_lanes_whose_rows_sum_as_all_planned_ones_do(beams):
    """Powers of two, never fewer than there are, never more than planned; what is planned decides the order."""
    decoder = weights(torch.float16, 1, layers=1)
    runner = graph_runner.GraphRunner.__new__(graph_runner.GraphRunner)
    runner._weights = decoder
    for planned in (1, 2, 4, 16, 64):
        for lanes in range(1, planned + 1):
            count = runner.lanes_alike(lanes, planned, beams)
            assert lanes <= count <= planned and count == round_up_lanes(count)
            assert step_shapes(decoder, count * beams) == step_shapes(decoder, planned * beams)
    assert runner.lanes_alike(1, 2, beams) == 2


def test_fewer_lanes_and_pages_draw_the_same(monkeypatch):
    """In half precision, where the order of a sum shows: limits, and who else is there, change nothing."""
    monkeypatch.setattr(prefill_graphs, "ROUND_ROWS", 4)
    decoder = weights(torch.float16, 1, layers=1)
    requests = [Request(normal(2 + i, WIDTH, seed=i), i, SAMPLED, 3 + i % 2) for i in range(6)]
    engine = Engine(decoder, EngineOptions(page_size=4, poll_steps=2))
    drawn = tokens(engine, requests)
    engine.limit_runs(RunLimits(max_lanes=2))
    assert tokens(engine, requests) == drawn
    assert tokens(engine, requests[::-1]) == {len(requests) - 1 - index: codes for index, codes in drawn.items()}

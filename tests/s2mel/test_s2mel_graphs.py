"""The flow's graphs serve any lengths of a size, prompts left out; without a GPU, a "graph" is the step itself."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from helpers.graphs import stand_in_for_graphs
from helpers.s2mel import line, small_model
from indextts2_multitalk.s2mel import runners
from indextts2_multitalk.s2mel.calibration import multistep_schedule
from indextts2_multitalk.s2mel.packing import QUERY_TILE
from indextts2_multitalk.s2mel.solver import uniform_schedule
from indextts2_multitalk.s2mel.stages import EstimatorStages
from indextts2_multitalk.s2mel.torch_ops import TORCH_OPS


def attention_by_tiles(qkv, packing):
    """As the kernel: lines' bounds are what the table says, whatever lines the packing was made for."""
    out = torch.full((len(qkv), qkv.shape[2] * qkv.shape[3]), 1e4)
    for first, start, end in packing.attention_tiles.tolist():
        last = min(first + QUERY_TILE, end)
        q, k, v = (part.transpose(0, 1) for part in (qkv[first:last, 0], qkv[start:end, 1], qkv[start:end, 2]))
        if last > first:
            out[first:last] = torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(0, 1).flatten(1)
    return out


@pytest.fixture
def model(monkeypatch):
    stand_in_for_graphs(monkeypatch)
    monkeypatch.setattr(torch.cuda, "Event", lambda: SimpleNamespace(synchronize=lambda: None, record=lambda: None))
    model = small_model()
    runner = runners.GraphFlowRunner(
        model.cfm.estimator, EstimatorStages(replace(TORCH_OPS, packed_attention=attention_by_tiles))
    )
    model._choice = replace(model.flow_choice, runner=runner)
    return model


def relative(actual, expected):
    return ((actual - expected).abs().max() / expected.abs().max()).item()


RUNS = (
    [line("a", 40, 60, seed=1)],
    [line("b", 61, 30, seed=2)],
    [line("a", 45, 57, seed=3), line("b", 17, 8, seed=4)],
    [line("c", 3, 90, seed=5)],
    [line("d", 0, 110, seed=6)],
    [line("a", 40, 60, seed=1)],
)


@torch.inference_mode()
@pytest.mark.parametrize("guidance", [0.7, 0.0])
@pytest.mark.parametrize("make_schedule", [uniform_schedule, multistep_schedule])
def test_padded_graphs_say_what_no_graph_says(model, make_schedule, guidance):
    eager = small_model()
    for lines in RUNS:
        actual, expected = (m.generate_mels(lines, make_schedule(3, guidance)) for m in (model, eager))
        for one, other in zip(actual, expected, strict=True):
            assert relative(one, other) <= 1e-5


@torch.inference_mode()
def test_prompts_are_left_out_and_sizes_are_few(model):
    for lines in RUNS:
        model.generate_mels(lines, uniform_schedule(1))
    graphs = model.flow_choice.runner._graphs
    assert sorted(graphs) == [(2, 128, 1, tail) for tail in (48, 80, 96, 112)] + [(2, 128, 2, 80)]
    model.generate_mels([line("e", 30, 65)], uniform_schedule(1))
    assert len(graphs) == 5

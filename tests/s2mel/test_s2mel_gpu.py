"""The flow on a CUDA device: graphs serve any lengths, survive a cancelled run, and never read weights that moved."""

import pytest
import torch
from helpers.s2mel import line, small_model
from indextts2_multitalk.s2mel.calibration import multistep_schedule
from indextts2_multitalk.s2mel.solver import uniform_schedule

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]


def relative(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return ((actual.cpu() - expected.cpu()).abs().max() / expected.abs().max()).item()


@torch.inference_mode()
@pytest.mark.parametrize("schedule", [uniform_schedule(25), multistep_schedule(9), multistep_schedule(9, 0.0)])
def test_half_precision_graphs_say_what_float32_says(schedule):
    lines = [line("a", 11, 37, seed=1), line("b", 5, 90, seed=2)]
    expected = small_model().generate_mels(lines, schedule)
    model = small_model().to("cuda", torch.float16)
    together = model.generate_mels(lines, schedule)
    assert "Triton kernels, CUDA graphs" in model.flow_choice.description
    for one, mel, exact in zip(lines, together, expected, strict=True):
        assert relative(mel, exact) <= 1e-2
        assert relative(model.generate_mels([one], schedule)[0], mel) <= 5e-3


@torch.inference_mode()
def test_lengths_of_one_bucket_share_a_graph():
    model = small_model().to("cuda", torch.float16)
    first = model.generate_mels([line("a", 11, 37, seed=1)], uniform_schedule(3))[0]
    model.generate_mels([line("b", 60, 40, seed=2)], uniform_schedule(3))
    assert len(model.flow_choice.runner._graphs) == 1
    assert torch.equal(model.generate_mels([line("a", 11, 37, seed=1)], uniform_schedule(3))[0], first)


@torch.inference_mode()
def test_moved_weights_are_captured_anew():
    model, one = small_model().to("cuda", torch.float16), [line("a", 11, 37, seed=1)]
    first = model.generate_mels(one, uniform_schedule(3))[0]
    model.to("cpu")
    held = torch.randn(1 << 20, device="cuda")
    model.to("cuda")
    assert torch.equal(model.generate_mels(one, uniform_schedule(3))[0], first)
    assert held.isfinite().all()


@torch.inference_mode()
def test_a_cancelled_run_leaves_nothing_behind():
    model, one = small_model().to("cuda", torch.float16), [line("a", 11, 37, seed=1)]
    first = model.generate_mels(one, uniform_schedule(5))[0]

    def stop(done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.generate_mels(one, uniform_schedule(5), on_step=stop)
    assert torch.equal(model.generate_mels(one, uniform_schedule(5))[0], first)
    model.release_graphs()
    assert torch.equal(model.generate_mels(one, uniform_schedule(5))[0], first)

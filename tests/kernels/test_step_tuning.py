"""The decode step that tuning times is the one that runs: it asks for the same shapes, and can be put back."""

import pytest
import torch

pytest.importorskip("triton")
from helpers import kernel_decoder
from helpers.kernels import MARKS
from indextts2_multitalk.accel import step_tuning
from indextts2_multitalk.accel.kernels.linear.folded_norm import FoldedNorms
from indextts2_multitalk.runtime.kernel_shapes import try_shapes

pytestmark = MARKS


@pytest.mark.parametrize(("lines", "beams"), [(1, 1), (2, 2)])
@torch.inference_mode()
def test_a_step_asks_for_its_shapes_and_can_be_put_back(lines, beams):
    weights = kernel_decoder.weights(torch.float32, final_norms=1)
    run = step_tuning.StepRun(weights, FoldedNorms.from_weights(weights), lines, beams, context=40)
    before = {name: tensor.clone() for name, tensor in vars(run._state.rows).items()}
    with try_shapes({}) as trial:
        step = run.build()
        step()
        step()
    assert {family.name for family, _ in trial.asked} >= {"paged attention", "draw"}
    assert run._state.rows.lengths.tolist() == [42] * lines * beams
    assert not run._state.lanes.finished.any()
    run.reset()
    for name in ("lengths", "block_tables", "spares", "seen"):
        assert torch.equal(getattr(run._state.rows, name), before[name])


def test_beams_share_full_pages_and_nothing_else():
    weights = kernel_decoder.weights(torch.float32, final_norms=1)
    run = step_tuning.StepRun(weights, FoldedNorms.from_weights(weights), 2, 3, context=40)
    tables = run._state.rows.block_tables.view(2, 3, -1)
    assert torch.equal(tables[:, 0, :2], tables[:, 2, :2])
    own = torch.cat([tables[:, 0, :2].flatten(), tables[:, :, 2:].flatten(), run._state.rows.spares])
    assert len(own.unique()) == len(own) and own.min() == 1 and own.max() < run._cache.page_count


@torch.inference_mode()
def test_each_run_has_a_step_of_its_own():
    weights = kernel_decoder.weights(torch.float32, final_norms=1)
    steps = step_tuning.decode_steps(weights, ((1, 1), (16, 3)))
    assert [step.name for step in steps] == ["1 line, 1 beam", "16 lines, 3 beams"]
    steps[0].run_small()

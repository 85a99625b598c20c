"""The flow on lines in company: reproducible, cancellable, and never changed by its neighbours."""

import pytest
import torch
from helpers.s2mel import line, small_model
from hypothesis import given, settings
from hypothesis import strategies as st
from indextts2_multitalk.s2mel.model import S2Mel
from indextts2_multitalk.s2mel.packing import pack_lines, with_generated_region
from indextts2_multitalk.s2mel.solver import FlowSchedule, uniform_schedule, warped_grid


@pytest.fixture(scope="module")
def model() -> S2Mel:
    return small_model()


def relative(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return ((actual - expected).abs().max() / expected.abs().max()).item()


@torch.inference_mode()
@pytest.mark.parametrize("schedule", [uniform_schedule(6), FlowSchedule(warped_grid(6, -0.5), 2, 0.3)])
def test_company_does_not_change_a_line(model, schedule):
    lines = [line("a", 11, 37, seed=1), line("b", 5, 8, seed=2), line("c", 23, 90, seed=3)]
    together = model.generate_mels(lines, schedule)
    for one, mel in zip(lines, together, strict=True):
        assert mel.shape == (80, one.frames)
        assert relative(mel, model.generate_mels([one], schedule)[0]) <= 1e-5


@torch.inference_mode()
def test_order_does_not_change_a_line(model):
    lines = [line("a", 7, 20, seed=1), line("b", 9, 31, seed=2)]
    forwards, backwards = (
        model.generate_mels(lines, uniform_schedule(3)),
        model.generate_mels(lines[::-1], uniform_schedule(3)),
    )
    assert relative(forwards[0], backwards[1]) <= 1e-5


@torch.inference_mode()
def test_seed_decides_the_noise(model):
    first, again, other = (model.generate_mels([line("a", 6, 12, seed)], uniform_schedule(2))[0] for seed in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@torch.inference_mode()
def test_no_global_random_state_is_touched(model):
    before = torch.get_rng_state()
    model.generate_mels([line("a", 6, 12, seed=9)], uniform_schedule(1))
    assert torch.equal(before, torch.get_rng_state())


@torch.inference_mode()
def test_without_guidance_there_is_one_branch(model):
    lines = [line("a", 6, 12, seed=1)]
    guided, plain = (
        model.generate_mels(lines, uniform_schedule(2)),
        model.generate_mels(lines, uniform_schedule(2, 0.0)),
    )
    nearly = model.generate_mels(lines, uniform_schedule(2, 1e-6))
    assert relative(nearly[0], plain[0]) <= 1e-4
    assert relative(guided[0], plain[0]) > 1e-3


@torch.inference_mode()
def test_half_precision_keeps_the_state_in_float32(model):
    lines = [line("a", 11, 37, seed=1)]
    exact = model.generate_mels(lines, uniform_schedule(4))[0]
    half = small_model().to(torch.bfloat16).generate_mels(lines, uniform_schedule(4))[0]
    assert half.dtype is torch.float32
    assert relative(half, exact) <= 5e-2


@torch.inference_mode()
@pytest.mark.parametrize("prompts", [(0, 3), (40, 1), (17, 55)])
@pytest.mark.parametrize("branches", [1, 2])
def test_what_is_spoken_needs_no_velocity_of_the_prompts(model, prompts, branches):
    estimator, frames = model.cfm.estimator, (12, 30)
    whole = pack_lines(
        [prompt + length for prompt, length in zip(prompts, frames, strict=True)], branches, torch.device("cpu")
    )
    x, constants = torch.randn(whole.frames, 80), torch.randn(branches, whole.frames, estimator.config.dit.hidden_dim)
    step = estimator.step_tables(uniform_schedule(4).starts)[2]
    spoken = torch.cat(
        [torch.arange(start + p, end) for p, (start, end) in zip(prompts, whole.line_bounds, strict=True)]
    )

    def velocity(packing):
        return estimator(x, constants, step, packing)

    back = estimator.wavenet.left_receptive_field
    ended = with_generated_region(whole, prompts, back)
    kept = tuple(min(p, back) + f for p, f in zip(prompts, frames, strict=True))
    assert kept == (whole.lengths if ended.generated is None else ended.generated.packing.lengths)
    assert relative(velocity(ended)[:, spoken], velocity(whole)[:, spoken]) <= 1e-5
    cut_short = velocity(with_generated_region(whole, prompts, 0))
    assert (relative(cut_short[:, spoken], velocity(whole)[:, spoken]) > 1e-3) == any(prompts)


@settings(max_examples=40)
@given(
    lengths=st.lists(st.integers(5, 40), min_size=1, max_size=4),
    branches=st.integers(1, 2),
    taps=st.sampled_from([1, 3, 5]),
    dilation=st.integers(1, 2),
)
def test_neighbors_are_reflect_padding_of_each_line(lengths, branches, taps, dilation):
    packing = pack_lines(lengths, branches, torch.device("cpu"))
    table = packing.reflected_neighbors(taps, dilation)
    assert table.shape == (branches * sum(lengths), taps)
    reach = (taps - 1) * dilation // 2
    for branch in range(branches):
        for start, end in packing.line_bounds:
            first = branch * packing.frames + start
            own = torch.arange(end - start, dtype=torch.float32)[None]
            padded = torch.nn.functional.pad(own, (reach, reach), mode="reflect")[0].long()
            expected = torch.stack([padded[t * dilation : t * dilation + end - start] for t in range(taps)], dim=1)
            assert torch.equal(table[first : first + end - start] - first, expected)


def test_a_line_too_short_for_the_convolution_is_refused(model):
    with pytest.raises(ValueError, match="need 3"):
        model.generate_mels([line("a", 1, 1)])
    with pytest.raises(ValueError, match="at least one line"):
        pack_lines([], 1, torch.device("cpu"))

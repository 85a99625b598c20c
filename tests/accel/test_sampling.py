"""The sampler against transformers' own logits processors, and the draw against the distribution it stands for."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from indextts2_multitalk.accel.sampling.params import SamplingParams, SamplingTable, min_tokens_to_keep
from indextts2_multitalk.accel.sampling.sampler import apply_repetition_penalty, filter_candidates, sample_tokens
from transformers import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

CPU = torch.device("cpu")
VOCABULARY = 50
sampled = st.builds(
    SamplingParams,
    temperature=st.floats(0.1, 2),
    top_k=st.integers(0, 60),
    top_p=st.floats(0, 1),
    repetition_penalty=st.floats(0.5, 12),
    num_beams=st.integers(1, 4),
)


def table_of(*params: SamplingParams, vocabulary: int = VOCABULARY) -> SamplingTable:
    return SamplingTable.from_params(params, vocabulary, CPU)


def transformers_scores(scores: torch.Tensor, ids: torch.Tensor, p: SamplingParams) -> torch.Tensor:
    keep = min_tokens_to_keep(p.num_beams)
    steps = [RepetitionPenaltyLogitsProcessor(p.repetition_penalty), TemperatureLogitsWarper(p.temperature)]
    if p.top_k:
        steps.append(TopKLogitsWarper(p.top_k, min_tokens_to_keep=keep))
    if p.top_p < 1:
        steps.append(TopPLogitsWarper(p.top_p, min_tokens_to_keep=keep))
    return LogitsProcessorList(steps)(ids, scores)


def spread(found) -> torch.Tensor:
    """Candidates as a row of the whole vocabulary, -inf where nothing survived."""
    return torch.full((len(found.scores), VOCABULARY), float("-inf")).scatter(1, found.tokens, found.scores)


@settings(max_examples=150)
@given(st.lists(sampled, min_size=1, max_size=4), st.integers(0, 2**31))
def test_filters_equal_transformers(params, seed):
    """A batch of lines, each with its own settings, against one line after another."""
    beams = params[0].num_beams
    params = [SamplingParams(**{**vars(p), "num_beams": beams}) for p in params]
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(len(params), VOCABULARY, generator=generator) * 4
    ids = torch.randint(0, VOCABULARY, (len(params), 12), generator=generator)
    seen = torch.zeros(len(params), VOCABULARY, dtype=torch.bool).scatter(1, ids, True)
    table = table_of(*params)
    ours = spread(
        filter_candidates(apply_repetition_penalty(scores, seen, table.penalty), table, min_tokens_to_keep(beams))
    )
    for row, p in enumerate(params):
        expected = transformers_scores(scores[row : row + 1], ids[row : row + 1], p)[0]
        unlike = ours[row].isinf() != expected.isinf()
        # Where a token's mass meets the threshold to the last bit, two orders of summation may differ by one token.
        assert unlike.sum() <= 1
        both = ~ours[row].isinf() & ~expected.isinf()
        torch.testing.assert_close(ours[row][both], expected[both], rtol=1e-6, atol=1e-6)


def test_ties_at_the_kth_place_all_stay():
    scores = torch.tensor([[1.0, 3.0, 2.0, 2.0, 2.0, 0.0]])
    table = table_of(SamplingParams(temperature=1.0, top_k=2, top_p=1.0, num_beams=1), vocabulary=6)
    found = filter_candidates(scores, table, 1)
    assert found.tokens[0, ~found.scores[0].isinf()].tolist() == [1, 2, 3, 4]


def test_of_equal_scores_at_the_edge_of_top_p_the_lower_id_goes():
    scores = torch.zeros(1, 4)
    table = table_of(SamplingParams(temperature=1.0, top_k=0, top_p=0.5, num_beams=1), vocabulary=4)
    found = filter_candidates(scores, table, 1)
    assert found.tokens[0, ~found.scores[0].isinf()].tolist() == [2, 3]


def test_no_sampling_is_the_first_largest():
    scores = torch.tensor([[0.0, 5.0, 5.0, 1.0]] * 2)
    seen = torch.zeros_like(scores, dtype=torch.bool)
    seen[1, 1] = True
    table = table_of(*[SamplingParams(do_sample=False, num_beams=1)] * 2, vocabulary=4)
    assert sample_tokens(scores, seen, table, torch.tensor([1, 2]), torch.tensor([0, 0])).tolist() == [1, 2]


@pytest.mark.parametrize("top_k", [0, 5])
def test_draws_follow_the_softmax_of_what_survives(top_k):
    lines = 20_000
    scores = torch.randn(1, VOCABULARY, generator=torch.Generator().manual_seed(0))
    p = SamplingParams(temperature=0.7, top_k=top_k, top_p=0.9, repetition_penalty=1.0, num_beams=1)
    one = table_of(p)
    table = SamplingTable(*(column.expand(lines) for column in vars(one).values()))
    seen = torch.zeros(lines, VOCABULARY, dtype=torch.bool)
    tokens = sample_tokens(
        scores.expand(lines, -1), seen, table, torch.arange(lines), torch.zeros(lines, dtype=torch.int64)
    )
    expected = transformers_scores(scores, torch.zeros(1, 0, dtype=torch.int64), p).softmax(dim=1)[0]
    counted = torch.bincount(tokens, minlength=VOCABULARY) / lines
    assert (counted - expected).abs().max() < 0.015
    assert not counted[expected == 0].any()


def test_a_draw_does_not_depend_on_the_batch():
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn(5, VOCABULARY, generator=generator)
    seen = torch.rand(5, VOCABULARY, generator=generator) < 0.2
    params = [SamplingParams(top_k=k, num_beams=1, do_sample=k != 7) for k in (3, 0, 30, 7, 1)]
    seeds, steps = torch.arange(5), torch.arange(5) * 3
    together = sample_tokens(scores, seen, table_of(*params), seeds, steps)
    for i, p in enumerate(params):
        row = slice(i, i + 1)
        assert sample_tokens(scores[row], seen[row], table_of(p), seeds[row], steps[row]) == together[row]


def test_half_precision_logits_are_handled_in_float32():
    logits = torch.tensor([[10.0, 10.03, 0.0]], dtype=torch.bfloat16)
    table = table_of(SamplingParams(do_sample=False, num_beams=1, repetition_penalty=1.0), vocabulary=3)
    assert sample_tokens(logits, torch.zeros(1, 3, dtype=torch.bool), table, torch.tensor([0]), torch.tensor([0])) == 0


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"temperature": 0.0}, "temperature above 0"),
        ({"top_k": -1}, "top_k 0"),
        ({"top_p": 1.1}, "top_p from 0 to 1"),
        ({"repetition_penalty": 0.0}, "repetition_penalty above 0"),
        ({"num_beams": 0}, "num_beams from 1"),
        ({"temperature": float("nan")}, "temperature above 0"),
    ],
)
def test_settings_out_of_range_say_what_is_expected(wrong, expected):
    with pytest.raises(ValueError, match=expected):
        SamplingParams(**wrong)

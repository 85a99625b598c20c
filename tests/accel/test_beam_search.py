"""Beam search against transformers' own, beam sampling against the distribution it stands for."""

import pytest
import torch
from indextts2_multitalk.accel.sampling.beam_search import (
    BeamState,
    advance_beam_search,
    backtrack_tokens,
    pick_best_hypothesis,
)
from indextts2_multitalk.accel.sampling.params import SamplingParams, SamplingTable
from transformers import GPT2Config, GPT2LMHeadModel

CPU = torch.device("cpu")
VOCABULARY = 12
STOP = 11
START = 3


@pytest.fixture(scope="module")
def models() -> list[GPT2LMHeadModel]:
    """Random weights, large enough for beams to part, to stop and to overtake each other; some never stop."""
    return [random_gpt2(seed) for seed in range(8)]


def random_gpt2(seed: int) -> GPT2LMHeadModel:
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=64,
        n_embd=16,
        n_layer=1,
        n_head=2,
        bos_token_id=START,
        eos_token_id=STOP,
        pad_token_id=STOP,
        tie_word_embeddings=False,
    )
    generator = torch.Generator().manual_seed(seed)
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.4, generator=generator)
    return model


def search(model, prompt: torch.Tensor, p: SamplingParams, limit: int) -> tuple[list[int], bool]:
    """The whole model again for every step: no cache that could mix beams up."""
    k = p.num_beams
    state = BeamState.start_search(1, k, CPU)
    table, seed = SamplingTable.from_params([p], VOCABULARY, CPU), torch.zeros(1, dtype=torch.int64)
    ids = prompt.expand(k, -1)
    drawn, parents, done = [], [], False
    while not done and len(drawn) < limit:
        seen = torch.zeros(k, VOCABULARY, dtype=torch.bool).scatter(1, ids, True)
        step = torch.full_like(seed, len(drawn))
        choice = advance_beam_search(model(ids).logits[:, -1], seen, table, seed, step, state, STOP)
        state, done = choice.state, bool(choice.done)
        drawn.append(choice.tokens[0])
        parents.append(choice.parents[0])
        ids = torch.cat((ids[choice.parents[0]], choice.tokens[0][:, None]), dim=1)
    slot, length, complete = pick_best_hypothesis(state, 0, len(drawn), done, p.length_penalty)
    return backtrack_tokens(torch.stack(drawn, 1), torch.stack(parents, 1), slot, length).tolist(), complete


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, -1.0])
@pytest.mark.parametrize("num_beams", [2, 3, 5])
@torch.inference_mode()
def test_equals_transformers(models, num_beams, length_penalty):
    p = SamplingParams(do_sample=False, num_beams=num_beams, repetition_penalty=1.3, length_penalty=length_penalty)
    ended = []
    for seed in range(24):
        prompt = torch.randint(0, STOP, (1, 4), generator=torch.Generator().manual_seed(seed))
        model, limit = models[seed % 8], 3 + seed % 7
        expected = model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=limit,
            num_beams=num_beams,
            do_sample=False,
            repetition_penalty=1.3,
            length_penalty=length_penalty,
        )[0, prompt.shape[1] :].tolist()
        tokens, complete = search(model, prompt, p, limit)
        assert tokens == (expected[: expected.index(STOP)] if STOP in expected else expected)
        assert complete == (STOP in expected)
        ended.append(complete)
    assert len(set(ended)) == 2, "some searches must end by the stop token and some by the limit"


def test_beam_sampling_follows_sampling_without_replacement():
    """Two steps of 2 beams over a fixed distribution, against torch's multinomial."""
    lines, beams = 30_000, 2
    p = SamplingParams(num_beams=beams, temperature=0.9, top_k=4, top_p=1.0, repetition_penalty=1.0)
    table = SamplingTable(*(column.expand(lines) for column in vars(SamplingTable.from_params([p], 6, CPU)).values()))
    logits = torch.tensor([[0.0, 1.0, 0.5, -0.5, 0.8, 0.3], [1.0, 0.2, 0.0, 0.1, -1.0, 0.6]])
    start = BeamState.start_search(lines, beams, CPU)
    state = BeamState(
        torch.tensor([[-0.3, -0.9]]).expand(lines, -1), start.ranks, start.slots, start.lengths, start.found
    )
    seen = torch.zeros(lines * beams, 6, dtype=torch.bool)
    zeros = torch.zeros(lines, dtype=torch.int64)
    choice = advance_beam_search(logits.repeat(lines, 1), seen, table, torch.arange(lines), zeros, state, stop_token=5)

    processed = logits.log_softmax(dim=1) / 0.9
    processed = processed.masked_fill(processed < processed.topk(4, dim=1).values[:, -1:], float("-inf"))
    totals = (processed + torch.tensor([[-0.3], [-0.9]])).flatten()
    picks = torch.multinomial(
        totals.softmax(0).expand(lines, -1), 2 * beams, generator=torch.Generator().manual_seed(0)
    )
    picks = picks.gather(1, totals[picks].argsort(dim=1, descending=True))
    going = (picks % 6 == 5).to(torch.int8).sort(dim=1, stable=True).indices[:, :beams]
    expected = picks.gather(1, going)
    flat = choice.parents * 6 + choice.tokens
    histograms = [torch.bincount(x[:, 0] * 12 + x[:, 1], minlength=144) / lines for x in (flat, expected)]
    assert (histograms[0] - histograms[1]).abs().max() < 0.012


def test_lines_do_not_feel_each_other():
    generator = torch.Generator().manual_seed(2)
    params = [SamplingParams(num_beams=3, top_k=k, do_sample=k != 5) for k in (5, 0, 30, 2)]
    logits = torch.randn(4, 3, VOCABULARY, generator=generator)
    seen = torch.rand(4, 3, VOCABULARY, generator=generator) < 0.3
    seeds, steps = torch.arange(4), torch.tensor([0, 7, 3, 1])
    scores = torch.randn(4, 3, generator=generator)

    def run(lines: slice):
        state = BeamState.start_search(len(params[lines]), 3, CPU)
        state.scores.copy_(scores[lines])
        table = SamplingTable.from_params(params[lines], VOCABULARY, CPU)
        rows = (logits[lines].flatten(0, 1), seen[lines].flatten(0, 1))
        return advance_beam_search(*rows, table, seeds[lines], steps[lines], state, STOP)

    together = run(slice(0, 4))
    for line in range(4):
        alone = run(slice(line, line + 1))
        assert torch.equal(together.tokens[line], alone.tokens[0])
        assert torch.equal(together.parents[line], alone.parents[0])
        torch.testing.assert_close(together.state.scores[line], alone.state.scores[0])


def test_one_live_beam_with_few_survivors_still_fills_all_beams():
    """Before the first step one beam speaks for all; a peaked distribution leaves it two tokens only."""
    logits = torch.full((3, VOCABULARY), -20.0)
    logits[:, 4], logits[:, 7] = 9.0, 8.0
    p = SamplingParams(num_beams=3, top_p=0.1, repetition_penalty=1.0)
    table, zero = SamplingTable.from_params([p], VOCABULARY, CPU), torch.zeros(1, dtype=torch.int64)
    seen = torch.zeros(3, VOCABULARY, dtype=torch.bool)
    choice = advance_beam_search(logits, seen, table, zero, zero, BeamState.start_search(1, 3, CPU), STOP)
    assert choice.tokens[0, :2].tolist() == [4, 7]
    assert choice.parents[0, :2].tolist() == [0, 0]
    assert set(choice.tokens[0].tolist()) <= {4, 7}
    assert torch.isfinite(choice.state.scores).all()

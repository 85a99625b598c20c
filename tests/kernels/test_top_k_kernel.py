"""What parts of the vocabulary hand in holds the top k, and says where it may not."""

import pytest
import torch

triton = pytest.importorskip("triton")
from helpers.kernels import DEVICE, MARKS, normal, poisoned  # noqa: E402
from indextts2_multitalk.accel.kernels.sampling.top_k import NO_TOKEN, PART, PART_K, PartialTopK, partial_top_k  # noqa: E402
from indextts2_multitalk.accel.sampling.params import SamplingParams, SamplingTable  # noqa: E402
from indextts2_multitalk.accel.sampling.sampler import apply_repetition_penalty  # noqa: E402

pytestmark = MARKS


def run_partial_top_k(
    logits: torch.Tensor, seen: torch.Tensor, sampling: list[SamplingParams], log_softmax: bool = False, beams: int = 1
) -> tuple[PartialTopK, torch.Tensor, torch.Tensor]:
    """What parts hand in, and each row's processed scores [R, V] and top k [R]."""
    table = SamplingTable.from_params(sampling, logits.shape[1], DEVICE)
    partial = poisoned(PartialTopK.allocate(*logits.shape, DEVICE))
    partial_top_k(logits, seen, table, partial, log_softmax=log_softmax)
    rows = table.repeat_rows(beams)
    x = logits.log_softmax(dim=1) if log_softmax else logits
    return partial, apply_repetition_penalty(x, seen, rows.penalty) / rows.temperature[:, None], rows.top_k


def floats_of(orders: torch.Tensor) -> torch.Tensor:
    """Of int32 orders: the inverse of `order_bits`."""
    return (orders ^ ((orders >> 31) & 0x7FFFFFFF)).view(torch.float32)


@pytest.mark.parametrize("vocabulary", [5, PART, PART + 2, 2 * PART + 100])
@pytest.mark.parametrize("top_k", [1, 7, 0])
def test_parts_name_their_best(vocabulary, top_k):
    """Scores of any size, to the last bit; what is kept back lies below the cut."""
    logits = normal(3, vocabulary, seed=vocabulary) * 10 ** (5 * normal(3, vocabulary, seed=top_k))
    seen = normal(3, vocabulary, seed=1) > 0
    sampling = [SamplingParams(temperature=t, top_k=top_k, num_beams=1, repetition_penalty=3.3) for t in (0.7, 1, 1.3)]
    partial, scores, wanted = run_partial_top_k(logits, seen, sampling)
    for row, k in enumerate(wanted.tolist()):
        for part, each in enumerate(scores[row].split(PART)):
            best = each.topk(min(k, PART_K, len(each))).indices.sort().values
            count = len(best)
            assert torch.equal(partial.ids[row, part, :count], (best + part * PART).int())
            assert torch.equal(partial.scores[row, part, :count], each[best])
            assert (partial.ids[row, part, count:] == NO_TOKEN.value).all()
            rest = each[~torch.isin(torch.arange(len(each), device=DEVICE), best)]
            assert (rest < floats_of(partial.thresholds[row, part])).all()
            assert len(rest) or partial.thresholds[row, part] == -(2**31)


def test_ties_are_kept_where_they_fit():
    logits = torch.full((2, PART), -2.0, device=DEVICE)
    logits[:, :3], logits[0, 9 : 9 + PART_K - 3], logits[1, 9 : 9 + PART_K - 2] = 5.0, 4.0, 4.0
    sampling = [SamplingParams(temperature=1.0, top_k=10, num_beams=1, repetition_penalty=1.0)] * 2
    partial, _, _ = run_partial_top_k(logits, torch.zeros_like(logits, dtype=torch.bool), sampling)
    assert (partial.ids[:, 0] != NO_TOKEN.value).sum(dim=1).tolist() == [PART_K, 3]
    assert floats_of(partial.thresholds[1, 0]) > 4.0


def test_beams_name_log_probabilities():
    """Where the whole last part is impossible as well."""
    logits, seen = normal(4, PART + 20) * 5, normal(4, PART + 20, seed=1) > 0
    logits[3, PART:] = -float("inf")
    sampling = [SamplingParams(temperature=t, top_k=6, num_beams=2, repetition_penalty=2.0) for t in (0.8, 1.1)]
    partial, scores, wanted = run_partial_top_k(logits, seen, sampling, log_softmax=True, beams=2)
    for row, k in enumerate(wanted.tolist()):
        for part, each in enumerate(scores[row].split(PART)):
            best = (each >= each.topk(k).values[-1]).nonzero().squeeze(1)
            assert torch.equal(partial.ids[row, part, : len(best)], (best + part * PART).int())
            torch.testing.assert_close(partial.scores[row, part, : len(best)], each[best])

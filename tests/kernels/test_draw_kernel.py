"""The draw kernel makes the state that `choose_next` makes of equal logits, ties and odd vocabularies included."""

from dataclasses import replace

import pytest
import torch

triton = pytest.importorskip("triton")
from helpers.kernels import DEVICE, MARKS, normal, poisoned  # noqa: E402
from indextts2_multitalk.accel.cache.paged_cache import PagedCache  # noqa: E402
from indextts2_multitalk.accel.kernels.sampling import draw  # noqa: E402
from indextts2_multitalk.accel.kernels.sampling.draw import draw_next  # noqa: E402
from indextts2_multitalk.accel.next_token import choose_next  # noqa: E402
from indextts2_multitalk.accel.request import Request  # noqa: E402
from indextts2_multitalk.accel.sampling.params import SamplingParams  # noqa: E402
from indextts2_multitalk.accel.state import DecodeState  # noqa: E402

pytestmark = MARKS
PLAIN = SamplingParams(num_beams=1, temperature=0.7, top_k=5, top_p=0.8, repetition_penalty=3.0)
SETTINGS = [
    PLAIN,
    replace(PLAIN, do_sample=False),
    replace(PLAIN, top_k=0),
    replace(PLAIN, top_p=1.0, top_k=3),
    replace(PLAIN, top_k=0, top_p=1.0, repetition_penalty=1.0),
    replace(PLAIN, top_p=0.0),
    replace(PLAIN, top_k=0, top_p=0.3, temperature=2.0),
]


@pytest.fixture(autouse=True)
def _poisoned_buffers(monkeypatch):
    for kind in (draw.PartialTopK, draw.ShortLists):
        allocate = kind.allocate
        monkeypatch.setattr(kind, "allocate", lambda *args, allocate=allocate: poisoned(allocate(*args)))


def twins(vocabulary: int, settings: list[SamplingParams]) -> list[DecodeState]:
    """Two equal states with one line for each of `settings`; the second line is finished, the third paused."""
    requests = [
        Request(torch.zeros(3, 2), 2**63 - 1 - i, sampling, 4, history=(1, 2)) for i, sampling in enumerate(settings)
    ]
    states = []
    for _ in range(2):
        state = DecodeState.allocate(len(requests), 1, vocabulary, 2, 4, DEVICE)
        state.start_requests(requests)
        if len(requests) > 2:
            state.lanes.finished[1] = state.lanes.paused[2] = True
        states.append(state)
    return states


def check(vocabulary: int, settings: list[SamplingParams], logits: list[torch.Tensor], stop: int) -> None:
    cache = PagedCache.allocate(1, 2, 4, 1, 2, torch.float32, DEVICE)
    state, expected = twins(vocabulary, settings)
    for each in logits:
        alive = expected.alive_lanes
        expected.rows.lengths.add_(alive)
        choose_next(expected, each, cache, stop)
        draw_next(state, each.clone(), stop)
        for name in ("tokens", "lengths"):
            assert torch.equal(getattr(state.rows, name), getattr(expected.rows, name)), name
        for name, actual in vars(state.lanes).items():
            assert torch.equal(actual, getattr(expected.lanes, name)), name
        assert torch.equal(state.rows.drawn[alive], expected.rows.drawn[alive])
        assert torch.equal(state.rows.seen[alive], expected.rows.seen[alive])


@pytest.mark.parametrize("vocabulary", [23, 64, 257, 513, 1100])
def test_draws_are_the_twins(vocabulary):
    logits = [normal(len(SETTINGS), vocabulary, seed=seed) * 3 for seed in range(4)]
    check(vocabulary, SETTINGS, logits, stop=vocabulary - 1)


def test_a_full_vocabulary():
    check(8194, [PLAIN, replace(PLAIN, top_k=30)], [normal(2, 8194, seed=s) * 4 for s in range(2)], stop=8193)


@pytest.mark.parametrize("top_p", [0.5, 0.75, 1.0])
@pytest.mark.parametrize("top_k", [0, 1, 4, 8])
@pytest.mark.parametrize("do_sample", [True, False])
def test_ties(top_p, top_k, do_sample):
    """Eight tokens share the first place, so that half their mass is exactly 0.5."""
    logits = torch.full((3, 19), -1e4)
    logits[0, 3:11] = 1.5
    logits[1, ::2] = -0.0
    logits[1, 1::2] = 0.0
    logits[2] = normal(19).cpu().round()
    sampling = replace(PLAIN, temperature=1.0, top_k=top_k, top_p=top_p, repetition_penalty=1.0, do_sample=do_sample)
    check(19, [sampling], [each[None].to(DEVICE) for each in logits[:1]], stop=18)
    check(19, [sampling] * 2, [logits[1:].contiguous().to(DEVICE)], stop=18)


def test_the_stop_token_and_the_limit_end_a_line():
    greedy = replace(PLAIN, do_sample=False, repetition_penalty=1.0)
    logits = torch.zeros(2, 9, device=DEVICE)
    logits[0, 8] = logits[1, 4] = 5.0
    check(9, [greedy, greedy], [logits] * 4, stop=8)


WIDE = replace(PLAIN, top_p=0.9, temperature=1.0, repetition_penalty=1.0)


@pytest.mark.parametrize("top_k", [1, 30, 32])
def test_up_to_32_are_found_without_a_second_look_at_the_logits(top_k, monkeypatch):
    """Even where all of them stand side by side."""
    logits = normal(2, 1100, seed=top_k)
    logits[1, 600:640] += 20

    def partial_top_k(logits, *args, **options):
        given(logits, *args, **options)
        logits.fill_(float("nan"))

    given = draw.partial_top_k
    monkeypatch.setattr(draw, "partial_top_k", partial_top_k)
    check(1100, [replace(WIDE, top_k=top_k)] * 2, [logits], stop=1099)


@pytest.mark.parametrize("top_k", [33, 50, 64, 65, 100])
def test_more_than_a_part_may_name(top_k):
    """Spread over the vocabulary, and crowded in one part."""
    logits = normal(2, 1100, seed=top_k)
    logits[1, 600:700] += 20
    check(1100, [replace(WIDE, top_k=top_k)] * 2, [logits, logits * 2], stop=1099)


@pytest.mark.parametrize("top_k", [1, 5, 30, 32, 40])
@pytest.mark.parametrize("ties", [20, 33, 60, 70, 400])
def test_ties_beyond_the_lists(ties, top_k):
    """At the top k's edge in one part and across two, and below it."""
    logits = normal(4, 1100, seed=ties).clamp(max=2.0)
    logits[:, 7] = 5.0
    logits[0, 40 : 40 + ties] = 4.0
    logits[1, 512 - ties // 2 : 512 + ties - ties // 2] = 4.0
    logits[2] = logits[2].clamp(max=-1.0)
    logits[2, ::30] += 9.0
    logits[3] = logits[3].round()
    sampling = replace(WIDE, top_k=top_k)
    check(1100, [sampling], [logits[:1].contiguous()], stop=1099)
    check(1100, [sampling], [logits[1:2].contiguous()], stop=1099)
    check(1100, [sampling] * 2, [logits[2:].contiguous()], stop=1099)

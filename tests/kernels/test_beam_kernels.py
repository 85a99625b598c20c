"""The beam kernels make the state that `choose_next` makes of equal logits, pages and penalties included."""

from dataclasses import replace

import pytest
import torch

triton = pytest.importorskip("triton")
from helpers.kernels import DEVICE, MARKS, normal, poisoned  # noqa: E402
from indextts2_multitalk.accel.cache.paged_cache import PagedCache  # noqa: E402
from indextts2_multitalk.accel.kernels.sampling import beam_search  # noqa: E402
from indextts2_multitalk.accel.kernels.sampling.beam_search import BeamBuffers, advance_beams  # noqa: E402
from indextts2_multitalk.accel.next_token import choose_next  # noqa: E402
from indextts2_multitalk.accel.request import Request  # noqa: E402
from indextts2_multitalk.accel.sampling.params import SamplingParams  # noqa: E402
from indextts2_multitalk.accel.state import DecodeState  # noqa: E402

pytestmark = MARKS
PAGE, COLUMNS, PROMPT, LIMIT = 4, 6, 6, 7
SAMPLED = SamplingParams(num_beams=3, temperature=0.9, top_k=6, top_p=0.9, repetition_penalty=2.0)
SETTINGS = [
    SAMPLED,
    replace(SAMPLED, top_k=0, top_p=0.7, length_penalty=1.0),
    replace(SAMPLED, do_sample=False),
    replace(SAMPLED, do_sample=False, length_penalty=1.0, repetition_penalty=1.0),
]


def make(vocabulary: int, beams: int) -> tuple[DecodeState, PagedCache]:
    """Lines that share their prompt's first page among beams; the last but one is paused."""
    requests = [
        Request(torch.zeros(PROMPT, 2), i, replace(sampling, num_beams=beams), LIMIT, history=(1,))
        for i, sampling in enumerate([*SETTINGS, SAMPLED, SAMPLED])
    ]
    rows = len(requests) * beams
    state = DecodeState.allocate(len(requests), beams, vocabulary, COLUMNS, LIMIT, DEVICE)
    state.start_requests(requests)
    state.lanes.paused[-2] = True
    tables = (torch.arange(rows * COLUMNS) + 1).view(rows, COLUMNS)
    tables[:, 0] = tables[torch.arange(rows) // beams * beams, 0]
    state.rows.block_tables.copy_(tables)
    state.rows.spares.copy_(torch.arange(rows) + rows * COLUMNS + 1)
    cache = PagedCache.allocate(2, rows * (COLUMNS + 1) + 1, PAGE, 1, 16, torch.float32, DEVICE)
    cache.keys.copy_(normal(*cache.keys.shape, seed=1))
    cache.values.copy_(normal(*cache.values.shape, seed=2))
    return state, cache


def content(state: DecodeState, pages: torch.Tensor) -> list[torch.Tensor]:
    """What each row's tokens are, [layers, tokens, H, W]."""
    rows = zip(state.rows.block_tables.long(), state.rows.lengths.tolist(), strict=True)
    return [pages[:, table].flatten(1, 2)[:, :length] for table, length in rows]


@pytest.fixture(autouse=True)
def _spoiled_logits(monkeypatch):
    """The last three lines, which keep few, need no second look at the logits."""
    given = beam_search.partial_top_k

    def partial_top_k(logits, *args, **options):
        given(logits, *args, **options)
        logits[len(logits) // 2 :] = float("nan")

    monkeypatch.setattr(beam_search, "partial_top_k", partial_top_k)


@pytest.mark.parametrize(("vocabulary", "beams", "lure"), [(23, 3, 1.5), (300, 2, 5.0)])
def test_beams_are_the_twins(vocabulary, beams, lure):
    (state, cache), (expected, other) = make(vocabulary, beams), make(vocabulary, beams)
    buffers = BeamBuffers.allocate(state.rows.tokens.shape[0], beams, vocabulary, DEVICE)
    poisoned(buffers.partial)
    poisoned(buffers.lists)
    stop = vocabulary - 1
    for step in range(LIMIT):
        logits = normal(state.rows.tokens.shape[0], vocabulary, seed=step) * 2
        logits[:, stop] += lure
        alive = expected.alive_lanes
        expected.rows.lengths.add_(expected.per_row(alive))
        choose_next(expected, logits.clone(), other, stop)
        advance_beams(state, logits, cache, stop, buffers)
        for name in ("tokens", "lengths", "block_tables", "spares"):
            assert torch.equal(getattr(state.rows, name), getattr(expected.rows, name)), (step, name)
        for name, actual in vars(state.lanes).items():
            assert torch.equal(actual, getattr(expected.lanes, name)), (step, name)
        for name, actual in vars(state.search).items():
            torch.testing.assert_close(actual, getattr(expected.search, name), msg=f"{step} {name}")
        rows = state.per_row(alive)
        for name in ("drawn", "parents", "seen"):
            assert torch.equal(getattr(state.rows, name)[rows], getattr(expected.rows, name)[rows]), (step, name)
        for pages, twin in ((cache.keys, other.keys), (cache.values, other.values)):
            for one, two in zip(content(state, pages), content(expected, twin), strict=True):
                assert torch.equal(one, two), step
    assert state.lanes.stopped.any(), "some line stops"

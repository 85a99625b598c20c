"""The torch backend against attention written out, and the registry."""

import logging

import pytest
import torch
from indextts2_multitalk.accel.attention import choose_attention
from indextts2_multitalk.accel.attention.flash import FlashAttention
from indextts2_multitalk.accel.attention.sdpa import GatheredPlan, SdpaAttention
from indextts2_multitalk.accel.attention.triton import TritonAttention

HEADS, WIDTH, PAGE, PAGES = 2, 8, 4, 12
CPU = torch.device("cpu")


def written_out(query, keys, values):
    """[H, W] over [T, H, W]."""
    scores = torch.einsum("hw,thw->ht", query, keys) / WIDTH**0.5
    return torch.einsum("ht,thw->hw", scores.softmax(dim=1), values)


@pytest.fixture
def cache():
    """Pages poisoned with NaN, so that reading past a row's end shows."""
    return tuple(torch.full((PAGES, PAGE, HEADS, WIDTH), float("nan")) for _ in range(2))


@pytest.mark.parametrize("gathered", [False, True])
def test_decode_reads_each_rows_own_tokens(cache, gathered):
    """A row whose pages follow each other, one whose do not, and three beams that share a page."""
    backend = SdpaAttention()
    tables = torch.tensor([[3, 4, 5], [7, 2, 0], [9, 1, 0], [9, 10, 0], [9, 11, 0]], dtype=torch.int32)
    lengths = torch.tensor([11, 5, 6, 6, 6], dtype=torch.int32)
    for pages in cache:
        for table, length in zip(tables.tolist(), lengths.tolist(), strict=True):
            for t in range(length):
                pages[table[t // PAGE], t % PAGE] = torch.randn(HEADS, WIDTH)
    queries = torch.randn(len(tables), HEADS, WIDTH)
    plan = backend.plan_decode(tables, lengths, PAGE)
    assert [group.rows for group in plan] == [1, 1, 3]
    assert plan[0].slots == slice(12, 23), "pages that follow each other are read in place"
    expected = [
        written_out(query, *(pages[table.long()].flatten(0, 1)[:length] for pages in cache))
        for query, table, length in zip(queries, tables, lengths, strict=True)
    ]
    if gathered:
        plan = GatheredPlan(tables.long(), (torch.arange(3 * PAGE) < lengths[:, None])[:, None, None])
        cache = tuple(pages.nan_to_num(0.0) for pages in cache)
    torch.testing.assert_close(backend.attend_decode(queries, cache, plan), torch.stack(expected))


def test_beams_whose_pages_lie_together_are_read_in_place():
    """With another line's page and slots never written between them, which hold anything finite."""
    backend = SdpaAttention()
    tables, lengths = torch.tensor([[3, 5, 4], [3, 5, 7]], dtype=torch.int32), torch.tensor([10, 9], dtype=torch.int32)
    cache = torch.full((2, PAGES, PAGE, HEADS, WIDTH), 1e4)
    cache[:, [3, 5]] = torch.randn(2, 2, PAGE, HEADS, WIDTH)
    cache[:, 4, :2], cache[:, 7, :1] = torch.randn(2, 2, HEADS, WIDTH), torch.randn(2, 1, HEADS, WIDTH)
    queries = torch.randn(2, HEADS, WIDTH)
    (group,) = plan = backend.plan_decode(tables, lengths, PAGE)
    assert group.slots == slice(12, 32)
    expected = [
        written_out(query, *(pages[table.long()].flatten(0, 1)[:length] for pages in cache))
        for query, table, length in zip(queries, tables, lengths, strict=True)
    ]
    torch.testing.assert_close(backend.attend_decode(queries, cache, plan), torch.stack(expected))


def test_stored_tokens_are_found_in_their_slots(cache):
    keys, values = torch.randn(2, 3, HEADS, WIDTH)
    SdpaAttention().store_kv(keys, values, cache, torch.tensor([13, 2, 47]))
    for pages, written in zip(cache, (keys, values), strict=True):
        assert torch.equal(pages[[3, 0, 11], [1, 2, 3]], written)
        assert pages.isnan().sum() == pages.numel() - written.numel()


def test_prefill_is_causal_and_keeps_prompts_apart():
    lengths = [5, 1, 3]
    q, k, v = torch.randn(3, sum(lengths), HEADS, WIDTH)
    out = SdpaAttention().attend_prefill(q, k, v, lengths)
    start = 0
    for length in lengths:
        for t in range(start, start + length):
            torch.testing.assert_close(out[t], written_out(q[t], k[start : t + 1], v[start : t + 1]))
        start += length


def test_the_choice_and_its_reason_are_logged(caplog):
    with caplog.at_level(logging.INFO):
        choice = choose_attention(CPU, torch.float32, 64)
    assert (choice.backend.name, choice.reason) == ("sdpa", "sdpa runs on cpu")
    assert "attention: sdpa (sdpa runs on cpu)" in caplog.text


def test_what_is_asked_for_by_name_and_cannot_run_is_refused():
    with pytest.raises(
        ValueError, match=r"attention flash does not run .* on cpu: flash cannot: it needs a CUDA .*; use auto"
    ):
        choose_attention(CPU, torch.float32, 64, "flash")
    assert choose_attention(CPU, torch.float32, 64, "sdpa").reason == "asked for by name"


@pytest.mark.parametrize(("wanted", "expected"), [("auto", "flash"), ("flash", "flash"), ("sdpa", "sdpa")])
def test_on_cuda_the_first_that_can_run_is_taken_unless_one_is_named(monkeypatch, wanted, expected):
    monkeypatch.setattr(TritonAttention, "why_unavailable", staticmethod(lambda *_: "triton is not installed"))
    monkeypatch.setattr(FlashAttention, "why_unavailable", staticmethod(lambda *_: None))
    choice = choose_attention(torch.device("cuda"), torch.float16, 64, wanted)
    assert choice.backend.name == expected
    assert choice.reason == (
        "triton cannot: triton is not installed; flash runs on cuda" if wanted == "auto" else "asked for by name"
    )


def test_an_unknown_backend_is_refused():
    with pytest.raises(ValueError, match="attention backend 'flsh', expected auto, triton, flash, sdpa"):
        choose_attention(CPU, torch.float32, 64, "flsh")

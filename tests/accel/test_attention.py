"""The torch backend against attention written out, and the registry."""

import logging

import pytest
import torch
from indextts2_multitalk.accel.attention import choose
from indextts2_multitalk.accel.attention.sdpa import Backend, GatherPlan, RowPlan

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
    backend = Backend()
    tables = torch.tensor([[3, 4, 5], [7, 2, 0], [9, 0, 0]], dtype=torch.int32)
    lengths = torch.tensor([11, 5, 4], dtype=torch.int32)
    written = []
    for table, length in zip(tables.tolist(), lengths.tolist(), strict=True):
        keys, values = torch.randn(2, length, HEADS, WIDTH)
        slots = torch.tensor([table[t // PAGE] * PAGE + t % PAGE for t in range(length)])
        backend.store(keys, values, *cache, slots)
        written.append((keys, values))
    queries = torch.randn(3, HEADS, WIDTH)
    plan = backend.plan(tables, lengths, PAGE)
    assert isinstance(plan, RowPlan)
    assert isinstance(plan.slots[0], slice), "pages that follow each other are read in place"
    if gathered:
        mask = torch.arange(3 * PAGE) < lengths[:, None]
        plan = GatherPlan(tables.long(), mask[:, None, None])
        for pages in cache:
            pages.nan_to_num_(0.0)  # masked keys still enter the product
    out = backend.decode(queries, *cache, plan)
    for row, (keys, values) in enumerate(written):
        torch.testing.assert_close(out[row], written_out(queries[row], keys, values))


def test_prefill_is_causal_and_keeps_prompts_apart():
    lengths = [5, 1, 3]
    q, k, v = torch.randn(3, sum(lengths), HEADS, WIDTH)
    out = Backend().prefill(q, k, v, lengths)
    start = 0
    for length in lengths:
        for t in range(start, start + length):
            torch.testing.assert_close(out[t], written_out(q[t], k[start : t + 1], v[start : t + 1]))
        start += length


def test_the_choice_and_its_reason_are_logged(caplog):
    with caplog.at_level(logging.INFO):
        choice = choose(CPU, torch.float32, 64)
    assert (choice.backend.name, choice.reason) == ("sdpa", "sdpa runs on cpu")
    assert "attention: sdpa (sdpa runs on cpu)" in caplog.text


def test_an_unknown_backend_is_refused():
    with pytest.raises(ValueError, match="attention backend 'flsh', expected auto, triton, flash, sdpa"):
        choose(CPU, torch.float32, 64, "flsh")

"""KV store and paged attention equal their torch twins; interpreted where there is no GPU."""

import pytest
import torch

triton = pytest.importorskip("triton")
from helpers.kernels import DEVICE, DTYPES, MARKS, normal  # noqa: E402
from indextts2_multitalk.accel.attention.sdpa import SdpaAttention  # noqa: E402
from indextts2_multitalk.accel.attention.triton import attend_packed  # noqa: E402
from indextts2_multitalk.accel.cache.paged_cache import store_kv_torch  # noqa: E402
from indextts2_multitalk.accel.kernels.attention import paged_attention as paged  # noqa: E402
from indextts2_multitalk.accel.kernels.attention.kv_store import kv_store  # noqa: E402

pytestmark = MARKS
TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 2e-2}
PAGES, PAGE, COLUMNS = 24, 4, 8
TABLES = [[3, 4, 5, 6, 7, 1, 0, 0], [9, 2, 0, 0, 0, 0, 0, 0], [9, 8, 0, 0, 0, 0, 0, 0]]
LENGTHS = [21, 5, 6]


def poisoned(dtype, heads: int, width: int):
    """Pages whose unwritten places are NaN, and the tables of three rows, two of which share a page."""
    tables = torch.tensor(TABLES, dtype=torch.int32, device=DEVICE)
    lengths = torch.tensor(LENGTHS, dtype=torch.int32, device=DEVICE)
    pages = [torch.full((PAGES, PAGE, heads, width), float("nan"), dtype=dtype, device=DEVICE) for _ in range(2)]
    for number, cache in enumerate(pages):
        for table, length in zip(TABLES, LENGTHS, strict=True):
            for t in range(length):
                cache[table[t // PAGE], t % PAGE] = normal(heads, width, seed=100 * number + table[0] + t, dtype=dtype)
    return *pages, tables, lengths


@DTYPES
@pytest.mark.parametrize(("heads", "width"), [(2, 64), (3, 32)])
@pytest.mark.parametrize("splits", [1, 2, 4])
def test_attention_reads_each_rows_own_tokens(dtype, heads, width, splits, monkeypatch):
    config = paged.DecodeAttentionConfig
    monkeypatch.setattr(paged, "choose_attention_config", lambda *_: config(splits, 16, 2, 4, False, 0))
    *pages, tables, lengths = poisoned(dtype, heads, width)
    queries = normal(3, heads, width, seed=1, dtype=dtype)
    expected = paged.paged_attention_torch(queries, pages, tables, lengths)
    actual = paged.paged_attention(queries, pages, tables, lengths)
    torch.testing.assert_close(actual, expected, atol=TOLERANCE[dtype], rtol=0)


@DTYPES
@pytest.mark.parametrize(("splits", "late", "eager"), [(1, False, 0), (4, True, 0), (4, True, 1), (1, True, 2)])
def test_a_new_token_is_stored_and_seen(dtype, splits, late, eager, monkeypatch):
    config = paged.DecodeAttentionConfig
    monkeypatch.setattr(paged, "choose_attention_config", lambda *_: config(splits, 64, 1, 4, late, eager))
    heads, width = 2, 32
    *pages, tables, lengths = poisoned(dtype, heads, width)
    lengths[1], tables[1, 0] = 0, 15
    qkv = normal(3, 3, heads, width, seed=1, dtype=dtype)
    queries, keys, values = qkv.unbind(1)
    actual = paged.paged_attention(queries, pages, tables, lengths, (keys, values))
    for cache, new in zip(pages, (keys, values), strict=True):
        for row, length in enumerate(lengths.tolist()):
            assert torch.equal(cache[tables[row, length // PAGE], length % PAGE], new[row])
    expected = paged.paged_attention_torch(queries, pages, tables, lengths + 1)
    torch.testing.assert_close(actual, expected, atol=TOLERANCE[dtype], rtol=0)


@DTYPES
@pytest.mark.parametrize(("heads", "width"), [(2, 64), (3, 5)])
def test_keys_and_values_reach_their_slots(dtype, heads, width):
    qkv = normal(5, 3, heads, width, dtype=dtype)
    slots = torch.tensor([13, 2, 47, 0, 90], device=DEVICE)
    shape = (PAGES, PAGE, heads, width)
    expected, actual = ([torch.full(shape, -7.0, dtype=dtype, device=DEVICE) for _ in range(2)] for _ in range(2))
    store_kv_torch(*qkv.unbind(1)[1:], expected, slots)
    kv_store(*qkv.unbind(1)[1:], actual, slots)
    for one, other in zip(actual, expected, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("lengths", [[5], [5, 4, 3], [9, 1, 1]])
def test_prompts_attend_to_themselves_alone(lengths):
    q, k, v = torch.randn(3, sum(lengths), 2, 8)
    expected = SdpaAttention().attend_prefill(q, k, v, lengths)
    torch.testing.assert_close(attend_packed(q, k, v, lengths), expected)

"""How far a compact cache rounds, and its kernels against their torch twins; interpreted where there is no GPU."""

import pytest
import torch

triton = pytest.importorskip("triton")
from helpers.kernels import DEVICE, DTYPES, MARKS, normal  # noqa: E402
from indextts2_multitalk.accel.compact_cache import (  # noqa: E402
    KEY_LEVELS,
    VALUE_LEVELS,
    CompactCache,
    packed,
    unpacked,
)
from indextts2_multitalk.accel.kernels import compact_attention as attention  # noqa: E402
from indextts2_multitalk.accel.kernels.compact import compact_store, compact_store_torch  # noqa: E402

pytestmark = MARKS
TOLERANCE = {torch.float32: 2e-4, torch.float16: 2e-3, torch.bfloat16: 2e-2}
PAGES, PAGE, COLUMNS = 24, 4, 12
LENGTHS = [41, 5, 6, 0]
TABLES = [[3, 4, 5, 6, 7, 1, 10, 11, 12, 13, 14, 0], [9, 2] + [0] * 10, [9, 8] + [0] * 10, [15] + [0] * 11]


def empty(heads: int, width: int, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    """A layer's pages, full of what would show: the largest integers, scales that are NaN."""
    (layer,) = CompactCache.allocate(1, PAGES, PAGE, heads, width, dtype, DEVICE).layers
    for pages, poison in zip(layer, (0x7F7F7F7F, -1, -1, 0x7FC07FC0), strict=True):
        pages.fill_(poison)
    return layer


def filled(heads: int, width: int, dtype: torch.dtype):
    """Pages, tables and lengths of four rows, two of which share a page, one of which is empty."""
    layer = empty(heads, width, dtype)
    for table, length in zip(TABLES, LENGTHS, strict=True):
        slots = torch.tensor([table[t // PAGE] * PAGE + t % PAGE for t in range(length)], dtype=torch.long)
        keys, values = (normal(length, heads, width, seed=100 * n + table[0], dtype=dtype) for n in range(2))
        compact_store_torch(keys, values, layer, slots.to(DEVICE))
    tables = torch.tensor(TABLES, dtype=torch.int32, device=DEVICE)
    return layer, tables, torch.tensor(LENGTHS, dtype=torch.int32, device=DEVICE)


def same(layer: tuple[torch.Tensor, ...], twin: tuple[torch.Tensor, ...]) -> None:
    """Bit by bit, but what lies halfway between two levels, which may fall to either side."""
    assert torch.equal(layer[-1], twin[-1])
    written = twin[-1] != 0x7FC07FC0
    for one, other in zip(layer, twin, strict=True):
        assert torch.equal(one[~written], other[~written])
    for levels, one, other in zip((KEY_LEVELS, VALUE_LEVELS), unpacked(layer), unpacked(twin), strict=True):
        one, other = one[written], other[written]
        step = other.abs().amax(-1, keepdim=True) / levels
        assert ((one - other).abs() <= 1.02 * step).all()
        assert (one != other).float().mean() < 1e-2


@DTYPES
def test_keys_keep_8_bits_and_values_10(dtype):
    x = normal(50, 3, 64, dtype=dtype) * torch.logspace(-2, 2, 50, device=DEVICE)[:, None, None].to(dtype)
    y = normal(50, 3, 64, seed=1, dtype=dtype) * torch.logspace(3, -3, 50, device=DEVICE)[:, None, None].to(dtype)
    for levels, before, after in zip((KEY_LEVELS, VALUE_LEVELS), (x, y), unpacked(packed(x, y)), strict=True):
        step = before.float().abs().amax(-1, keepdim=True) / levels
        assert ((after - before.float()).abs() <= 0.5 * step * 1.01).all()


@pytest.mark.parametrize("x", [0.0, 1e9, -1e9, 1e-35])
def test_what_is_nothing_or_large_is_kept(x):
    kept = unpacked(packed(torch.full((2, 16), x), torch.full((2, 16), -x)))
    for actual, expected in zip(kept, (x, -x), strict=True):
        torch.testing.assert_close(actual, torch.full((2, 16), expected), rtol=1e-2, atol=1e-30)


@DTYPES
@pytest.mark.parametrize(("heads", "width"), [(2, 64), (3, 32), (1, 16)])
def test_tokens_reach_their_slots(dtype, heads, width):
    qkv = normal(5, 3, heads, width, dtype=dtype) * 100
    qkv[2] = 0.0
    qkv[3] *= 20 if dtype is torch.float16 else 500
    slots = torch.tensor([13, 2, 47, 0, 90], device=DEVICE)
    expected, actual = empty(heads, width, dtype), empty(heads, width, dtype)
    compact_store_torch(*qkv.unbind(1)[1:], expected, slots)
    compact_store(*qkv.unbind(1)[1:], actual, slots)
    same(actual, expected)


@DTYPES
@pytest.mark.parametrize(("heads", "width"), [(2, 64), (3, 32)])
@pytest.mark.parametrize("parts", [1, 4])
def test_attention_reads_each_rows_own_tokens(dtype, heads, width, parts, monkeypatch):
    monkeypatch.setattr(attention, "parts_for", lambda rows, heads: parts)
    layer, tables, lengths = filled(heads, width, dtype)
    queries = normal(4, heads, width, seed=1, dtype=dtype)
    expected = attention.compact_attention_torch(queries[:3], layer, tables[:3], lengths[:3])
    actual = attention.compact_attention(queries, layer, tables, lengths)[:3]
    torch.testing.assert_close(actual, expected, atol=TOLERANCE[dtype], rtol=0)


@DTYPES
@pytest.mark.parametrize("parts", [1, 2])
def test_a_new_token_is_stored_and_seen(dtype, parts, monkeypatch):
    monkeypatch.setattr(attention, "parts_for", lambda rows, heads: parts)
    heads, width = 2, 32
    layer, tables, lengths = filled(heads, width, dtype)
    queries, keys, values = normal(4, 3, heads, width, seed=1, dtype=dtype).unbind(1)
    actual = attention.compact_attention(queries, layer, tables, lengths, (keys, values))
    twin = tuple(pages.clone() for pages in layer)
    ends = [table[length // PAGE] * PAGE + length % PAGE for table, length in zip(TABLES, LENGTHS, strict=True)]
    compact_store_torch(keys, values, twin, torch.tensor(ends, device=DEVICE))
    same(layer, twin)
    expected = attention.compact_attention_torch(queries, twin, tables, lengths + 1)
    # The new token itself counts before it is rounded.
    torch.testing.assert_close(actual, expected, atol=3e-2, rtol=0)
    assert torch.equal(actual[3], values[3])


def test_few_contexts_are_read_in_parts():
    assert [attention.parts_for(rows, 20) for rows in (64, 33, 32, 16, 8, 1)] == [1, 1, 1, 4, 8, 8]


def test_pages_are_copied_up_to_the_last_token():
    cache = CompactCache.allocate(2, 6, 4, 3, 16, torch.float16, DEVICE)
    for seed, pages in enumerate(vars(cache).values()):
        pages.copy_((normal(*pages.shape, seed=seed) * 100).to(pages.dtype))
    before = {name: pages.clone() for name, pages in vars(cache).items()}
    cache.copy_pages(torch.tensor([1, 2], device=DEVICE), torch.tensor([4, 5], device=DEVICE), 3)
    for name, pages in vars(cache).items():
        assert torch.equal(pages[:, 4:, :, :3], before[name][:, 1:3, :, :3])
        assert torch.equal(pages[:, 4:, :, 3:], before[name][:, 4:, :, 3:])
        assert torch.equal(pages[:, :4], before[name][:, :4])
    assert cache.bytes == 2 * 6 * 4 * CompactCache.token_bytes(3, 16, torch.float16)

"""Keys and values of a compact cache (compact_cache.py), packed and unpacked as kernels go.

Dimensions: N tokens, H heads, W head width, S page size, Q = W / 4. A head's numbers are four vectors of Q here, its
quarters, which a word holds side by side.
FAST takes PTX's own instructions for bytes, a fraction of what the other way takes, which an interpreter can follow.
"""

import torch
import triton
import triton.language as tl

from ..compact_cache import LARGEST_VALUE, LEAST_SCALE, LEVELS, packed_keys, packed_values
from ..kv_cache import Pages

_LEVELS, _LEAST, _LARGEST = tl.constexpr(float(LEVELS)), tl.constexpr(LEAST_SCALE), tl.constexpr(LARGEST_VALUE)
_FINE = tl.constexpr(float(128 * LEVELS))
"""Largest integer of a query: two signed bytes, the upper one worth 128 of the lower."""


def fast(device: torch.device) -> bool:
    """Whether `FAST` can be True there."""
    return device.type == "cuda" and torch.version.cuda is not None


@triton.jit
def dots(words, others, FAST: tl.constexpr):
    """Products of signed bytes, summed by words: int32."""
    if FAST:
        result = tl.inline_asm_elementwise(
            "dp4a.s32.s32 $0, $1, $2, 0;", "=r,r,r", [words, others], dtype=tl.int32, is_pure=True, pack=1
        )
    else:
        result = (words << 24 >> 24) * (others << 24 >> 24) + (words << 16 >> 24) * (others << 16 >> 24)
        result += (words << 8 >> 24) * (others << 8 >> 24) + (words >> 24) * (others >> 24)
    return result


@triton.jit
def four_values(upper, lower, FAST: tl.constexpr):
    """float32, in quarters."""
    if FAST:
        # The four lower bytes first, in the order 0, 2, 1, 3; then each beside its upper one.
        a, b, c, d = tl.inline_asm_elementwise(
            """{
            .reg .b32 rest, low, first, second;
            .reg .f16 a, b, c, d;
            mov.b32 rest, {$5, $5};
            shl.b32 low, rest, 4;
            prmt.b32 low, low, rest, 0x5410;
            and.b32 low, low, 0xF0F0F0F0;
            prmt.b32 first, low, $4, 0x5240;
            prmt.b32 second, low, $4, 0x7361;
            mov.b32 {a, b}, first;
            mov.b32 {c, d}, second;
            cvt.f32.f16 $0, a;
            cvt.f32.f16 $1, b;
            cvt.f32.f16 $2, c;
            cvt.f32.f16 $3, d;
            }""",
            "=f,=f,=f,=f,r,h",
            [upper, lower],
            dtype=(tl.float32, tl.float32, tl.float32, tl.float32),
            is_pure=True,
            pack=1,
        )
    else:
        rest = lower.to(tl.int32)
        a, b = _half(upper << 8, rest << 4), _half(upper, rest)
        c, d = _half(upper >> 8, rest >> 4), _half(upper >> 16, rest >> 8)
    return a, b, c, d


@triton.jit
def _half(upper, lower):
    bits = (upper & 0xFF00) | (lower & 0xF0)
    return bits.to(tl.int16).to(tl.float16, bitcast=True).to(tl.float32)


@triton.jit
def quarters(start, QUARTER: tl.constexpr):
    """The four [Q] that lie one after the other from there, as float32. What another kernel has just written is read
    past the first-level cache."""
    at = start + tl.arange(0, QUARTER)
    a, b = tl.load(at, cache_modifier=".cg"), tl.load(at + QUARTER, cache_modifier=".cg")
    c, d = tl.load(at + 2 * QUARTER, cache_modifier=".cg"), tl.load(at + 3 * QUARTER, cache_modifier=".cg")
    return a.to(tl.float32), b.to(tl.float32), c.to(tl.float32), d.to(tl.float32)


@triton.jit
def store_token(key, value, keys, scales, upper, lower, slot, QUARTER: tl.constexpr):
    """Pack a head's key and value, quarters [Q], into place `slot` of its pages."""
    a, b, c, d = key
    largest = _largest(a, b, c, d)
    inverse = _LEVELS / tl.maximum(largest, _LEAST)
    word = _word(_level(a, inverse), _level(b, inverse), _level(c, inverse), _level(d, inverse))
    at = slot * QUARTER + tl.arange(0, QUARTER)
    tl.store(keys + at, word)
    tl.store(scales + slot, largest.to(scales.dtype.element_ty))
    a, b, c, d = value
    a, b, c, d = _cut(a), _cut(b), _cut(c), _cut(d)
    high = a >> 8 | (b & 0xFF00) | (c & 0xFF00) << 8 | (d & 0xFF00) << 16
    low = (a & 0xF0) >> 4 | (b & 0xF0) | (c & 0xF0) << 4 | (d & 0xF0) << 8
    tl.store(upper + at, high)
    tl.store(lower + at, low.to(tl.int16))


@triton.jit
def packed_query(a, b, c, d):
    """Quarters of a query as words of upper and of lower bytes [Q], and what one of their products with keys, the upper
    one worth 128, is to be multiplied with, beside the keys' scale."""
    largest = _largest(a, b, c, d)
    inverse = _FINE / tl.maximum(largest, _LEAST)
    a, b, c, d = _level(a, inverse), _level(b, inverse), _level(c, inverse), _level(d, inverse)
    ah, bh, ch, dh = a + 64 >> 7, b + 64 >> 7, c + 64 >> 7, d + 64 >> 7
    lower = _word(a - (ah << 7), b - (bh << 7), c - (ch << 7), d - (dh << 7))
    return _word(ah, bh, ch, dh), lower, largest / (_FINE * _LEVELS)


@triton.jit
def _largest(a, b, c, d):
    x = tl.maximum(tl.maximum(tl.abs(a), tl.abs(b)), tl.maximum(tl.abs(c), tl.abs(d)))
    return tl.max(x, axis=0)


@triton.jit
def _level(x, inverse):
    return tl.floor(x * inverse + 0.5).to(tl.int32)


@triton.jit
def _word(a, b, c, d):
    return (a & 255) | (b & 255) << 8 | (c & 255) << 16 | d << 24


@triton.jit
def _cut(x):
    """Bits of float16, rounded to the upper 12."""
    half = tl.minimum(tl.maximum(x, -_LARGEST), _LARGEST).to(tl.float16)
    return (half.to(tl.int16, bitcast=True).to(tl.int32) & 0xFFFF) + 8


@triton.jit
def _compact_store(new_keys, new_values, keys, scales, upper, lower, slots, key_stride, value_stride,
                   HEADS: tl.constexpr, QUARTER: tl.constexpr, PAGE: tl.constexpr):  # fmt: skip
    head, token = tl.program_id(0), tl.program_id(1).to(tl.int64)
    slot = tl.load(slots + token)
    place = (slot // PAGE * HEADS + head) * PAGE + slot % PAGE
    key = quarters(new_keys + token * key_stride + head * 4 * QUARTER, QUARTER)
    value = quarters(new_values + token * value_stride + head * 4 * QUARTER, QUARTER)
    store_token(key, value, keys, scales, upper, lower, place, QUARTER)


def compact_store(new_keys: torch.Tensor, new_values: torch.Tensor, pages: Pages, slots: torch.Tensor) -> None:
    """Pack new_keys and new_values [N, H, W] into slots int64 [N] of a layer's pages. Tokens may lie apart."""
    tokens, heads, width = new_keys.shape
    keys = pages[0]
    assert new_keys.shape == new_values.shape, f"{tuple(new_keys.shape)}, {tuple(new_values.shape)}"
    assert slots.shape == (tokens,) and keys.shape[1:] == (heads, keys.shape[2], width // 4), f"{tuple(keys.shape)}"
    for x in (new_keys, new_values):
        assert x.stride()[1:] == (width, 1), f"heads must follow each other, got strides {x.stride()}"
    _compact_store[(heads, tokens)](
        new_keys, new_values, *pages, slots, new_keys.stride(0), new_values.stride(0), HEADS=heads, QUARTER=width // 4,
        PAGE=keys.shape[2], num_warps=1,
    )  # fmt: skip


def compact_store_torch(new_keys: torch.Tensor, new_values: torch.Tensor, pages: Pages, slots: torch.Tensor) -> None:
    """The twin of `compact_store`."""
    size = pages[0].shape[2]
    packed = (*packed_keys(new_keys), *packed_values(new_values))
    for held, new in zip(pages, packed, strict=True):
        held[slots // size, :, slots % size] = new

"""Keys and values of a compact cache (compact_cache.py), packed and unpacked as kernels go.

Dimensions: N tokens, H heads, W head width, S page size, Q = W / 4, G = Q / 4. A head's numbers are a matrix [4, Q]
here, whose lines are its quarters, which a word holds side by side.
FAST takes PTX's own instructions for bytes, a fraction of what the other way takes, which an interpreter can follow.
"""

import torch
import triton
import triton.language as tl

from ..compact_cache import KEY_LEVELS, LEAST_SCALE, VALUE_LEVELS, ZERO, packed
from ..kv_cache import Pages

_KEY_LEVELS, _VALUE_LEVELS = tl.constexpr(float(KEY_LEVELS)), tl.constexpr(float(VALUE_LEVELS))
_LEAST, INTEGER_OF_ZERO = tl.constexpr(LEAST_SCALE), tl.constexpr(ZERO)
_FINE = tl.constexpr(float(128 * KEY_LEVELS))
"""Largest integer of a query: two signed bytes, the upper one worth 128 of the lower."""
UNIT = tl.constexpr(2.0**-24)
"""What `four_integers` give for 1: the least float16."""


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
def four_integers(lower, uppers, FAST: tl.constexpr):
    """What words [G, T, 4] and upper bits [G, T] say of values, times UNIT: a float32 for each quarter. Ten bits are a
    float16 as they stand, one of those below the least normal."""
    upper = (uppers[:, :, None] >> 2 * tl.arange(0, 4)[None, None, :]) & 0x03030303
    if FAST:
        a, b, c, d = tl.inline_asm_elementwise(
            """{
            .reg .b32 first, second;
            .reg .f16 a, b, c, d;
            prmt.b32 first, $4, $5, 0x5140;
            prmt.b32 second, $4, $5, 0x7362;
            mov.b32 {a, b}, first;
            mov.b32 {c, d}, second;
            cvt.f32.f16 $0, a;
            cvt.f32.f16 $1, b;
            cvt.f32.f16 $2, c;
            cvt.f32.f16 $3, d;
            }""",
            "=f,=f,=f,=f,r,r",
            [lower, upper],
            dtype=(tl.float32, tl.float32, tl.float32, tl.float32),
            is_pure=True,
            pack=1,
        )
    else:
        a, b = _integer(lower, upper), _integer(lower >> 8, upper >> 8)
        c, d = _integer(lower >> 16, upper >> 16), _integer(lower >> 24, upper >> 24)
    return a, b, c, d


@triton.jit
def two_to_the(x, FAST: tl.constexpr):
    """float32; what would be below the least normal one is 0."""
    if FAST:
        result = tl.inline_asm_elementwise(
            "ex2.approx.ftz.f32 $0, $1;", "=f,f", [x], dtype=tl.float32, is_pure=True, pack=1
        )
    else:
        result = tl.exp2(x)
    return result


@triton.jit
def _integer(lower, upper):
    return ((lower & 255) + ((upper & 3) << 8)).to(tl.float32) * UNIT


@triton.jit
def scales_of(words):
    """Of keys and of values: float32."""
    return (words << 16).to(tl.float32, bitcast=True), (words & -65536).to(tl.float32, bitcast=True)


@triton.jit
def place_of(page, inside, head, HEADS: tl.constexpr, PAGE: tl.constexpr):
    """Of a head's token, `inside` its page (int64), among all tokens of all heads and pages."""
    return (page * HEADS + head) * PAGE + inside


@triton.jit
def head_at(start, QUARTER: tl.constexpr):
    """What lies from there on, [4, Q] float32. What another kernel has just written is read past the first-level
    cache."""
    at = tl.arange(0, 4)[:, None] * QUARTER + tl.arange(0, QUARTER)[None, :]
    return tl.load(start + at, cache_modifier=".cg").to(tl.float32)


@triton.jit
def store_token(key, value, keys, values, uppers, scales, place, QUARTER: tl.constexpr):
    """Pack a head's key and value, [4, Q], into where `place_of` says."""
    w, g = tl.arange(0, QUARTER), tl.arange(0, QUARTER // 4)
    key_bits, value_bits = _scale(key, _KEY_LEVELS), _scale(value, _VALUE_LEVELS)
    tl.store(scales + place, (key_bits >> 16 & 0xFFFF) | value_bits)
    tl.store(keys + place * QUARTER + w, _words(_level(key, 1.0 / key_bits.to(tl.float32, bitcast=True))))
    integers = _level(value, 1.0 / value_bits.to(tl.float32, bitcast=True)) + INTEGER_OF_ZERO
    tl.store(values + place * QUARTER + w, _words(integers))
    upper = tl.reshape(_words(integers >> 8), [QUARTER // 4, 4]) << 2 * tl.arange(0, 4)[None, :]
    tl.store(uppers + place * (QUARTER // 4) + g, tl.sum(upper, axis=1))


@triton.jit
def packed_query(x):
    """A query [4, Q] as words of upper and of lower bytes [Q], and what one of their products with keys, the upper one
    worth 128, is to be multiplied with, beside the keys' scale."""
    step = tl.maximum(_largest(x) / _FINE, _LEAST)
    level = _level(x, 1.0 / step)
    upper = level + 64 >> 7
    return _words(upper), _words(level - (upper << 7)), step


@triton.jit
def _largest(x):
    return tl.max(tl.max(tl.abs(x), axis=1), axis=0)


@triton.jit
def _scale(x, LEVELS: tl.constexpr):
    """Its bits, rounded up to those of bfloat16."""
    bits = tl.maximum(_largest(x) / LEVELS, _LEAST).to(tl.int32, bitcast=True)
    return (bits + 0xFFFF) & -65536


@triton.jit
def _level(x, inverse):
    return tl.floor(x * inverse + 0.5).to(tl.int32)


@triton.jit
def _words(x):
    """The lowest byte of each quarter."""
    return tl.sum((x & 255) << 8 * tl.arange(0, 4)[:, None], axis=0)


@triton.jit
def _compact_store(new_keys, new_values, keys, values, uppers, scales, slots, key_stride, value_stride,
                   HEADS: tl.constexpr, QUARTER: tl.constexpr, PAGE: tl.constexpr):  # fmt: skip
    head, token = tl.program_id(0), tl.program_id(1).to(tl.int64)
    slot = tl.load(slots + token)
    place = place_of(slot // PAGE, slot % PAGE, head, HEADS, PAGE)
    key = head_at(new_keys + token * key_stride + head * 4 * QUARTER, QUARTER)
    value = head_at(new_values + token * value_stride + head * 4 * QUARTER, QUARTER)
    store_token(key, value, keys, values, uppers, scales, place, QUARTER)


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
    for held, new in zip(pages, packed(new_keys, new_values), strict=True):
        held[slots // size, :, slots % size] = new

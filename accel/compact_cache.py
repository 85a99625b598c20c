"""Keys and values in 58 % of their bytes: a cache for many lines at once, whose step is spent reading it.

Dimensions: L layers, G pages, S tokens a page, H heads, W head width, Q = W / 4.
A token's keys of a head are integers of 8 bits times a scale, its values integers of 10 bits times another. Four
dimensions share a word, those at w, w + Q, w + 2Q and w + 3Q, lowest byte first: their keys, or the lower 8 bits of
their values. The upper 2 bits of values are in words of their own, a byte for each quarter of the head as well: the
dimensions 4g + i of a quarter, i = 0 … 3, are bits 2i and 2i + 1 of its byte in word g.
A head's tokens lie side by side within a page, so that whoever reads one head reads long pieces.
"""

from dataclasses import dataclass

import torch

from .kv_cache import Cache, Pages, within_memory

KEY_LEVELS, VALUE_LEVELS = 127, 511
"""Largest integers of keys and of values."""
ZERO = 512
"""What the bits of a value say where it is 0."""
LEAST_SCALE = 1e-30
"""Where all are 0."""


@dataclass(frozen=True, eq=False)
class CompactCache(Cache):
    """See `Cache`. keys, values: int32 [L, G, H, S, Q]. uppers: the upper bits of values, int32 [L, G, H, S, Q / 4].
    scales: int32 [L, G, H, S], upper halves of two float32: that of keys in the lower, of values in the upper bits."""

    keys: torch.Tensor
    values: torch.Tensor
    uppers: torch.Tensor
    scales: torch.Tensor
    token_axis = 3

    @staticmethod
    def allocate(
        layers: int, pages: int, page_size: int, heads: int, head_dim: int, dtype: torch.dtype, device: torch.device
    ) -> "CompactCache":
        assert head_dim % 16 == 0, f"head width {head_dim}, expected a multiple of 16"
        tokens = (layers, pages, heads, page_size)
        quarter = head_dim // 4

        def make() -> CompactCache:
            shapes = (*tokens, quarter), (*tokens, quarter), (*tokens, quarter // 4), tokens
            return CompactCache(*(torch.zeros(shape, dtype=torch.int32, device=device) for shape in shapes))

        size = layers * pages * page_size * CompactCache.token_bytes(heads, head_dim, dtype)
        return within_memory(make, size, device)

    @staticmethod
    def token_bytes(heads: int, head_dim: int, dtype: torch.dtype) -> int:
        return heads * (head_dim * 9 // 4 + 4)


def packed(keys: torch.Tensor, values: torch.Tensor) -> Pages:
    """keys and values [..., W] as int32 words: [..., Q] twice, [..., Q / 4] and [...], as `CompactCache` has them."""
    (k, key_scale), (v, value_scale) = _levels(keys, KEY_LEVELS), _levels(values, VALUE_LEVELS)
    v = v + ZERO
    first, second, third, fourth = _words(v >> 8).unflatten(-1, (-1, 4)).unbind(-1)
    uppers = first | second << 2 | third << 4 | fourth << 6
    return _words(k & 255), _words(v & 255), uppers, key_scale >> 16 & 0xFFFF | value_scale


def unpacked(pages: Pages) -> tuple[torch.Tensor, torch.Tensor]:
    """The keys and values of words, float32 [..., W]."""
    keys, values, uppers, scales = pages
    upper = torch.stack([uppers >> 2 * i & 0x03030303 for i in range(4)], dim=-1).flatten(-2)
    integers = _pieces(values) | _pieces(upper) << 8
    key_scale, value_scale = ((scales << 16).view(torch.float32), (scales & -65536).view(torch.float32))
    return _pieces(keys).to(torch.int8) * key_scale[..., None], (integers - ZERO) * value_scale[..., None]


def _levels(x: torch.Tensor, most: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Integers int32 [..., W] and the bits of their float32 scale [...], the lower half of which is 0."""
    scale = (x.float().abs().amax(dim=-1) / most).clamp(min=LEAST_SCALE)
    bits = scale.view(torch.int32) + 0xFFFF & -65536
    return torch.floor(x.float() / bits.view(torch.float32)[..., None] + 0.5).int(), bits


def _words(pieces: torch.Tensor) -> torch.Tensor:
    """[..., W] integers of 8 bits to int32 [..., Q]."""
    first, second, third, fourth = pieces.unflatten(-1, (4, -1)).unbind(-2)
    return first | second << 8 | third << 16 | fourth << 24


def _pieces(words: torch.Tensor) -> torch.Tensor:
    """int32 [..., Q] back to [..., W]."""
    return torch.cat([words >> 8 * place & 255 for place in range(4)], dim=-1)

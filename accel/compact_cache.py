"""Keys and values in 5/8 of their bytes: a cache for many lines at once, whose step is spent reading it.

Dimensions: L layers, G pages, S tokens a page, H heads, W head width, Q = W / 4.
A token's keys of a head are integers of 8 bits, times the largest of them over 127. Its values are float16 with 6 of
10 bits behind the point. Four dimensions share a word, those at w, w + Q, w + 2Q and w + 3Q, lowest byte first: of
keys their integers, of values the upper bytes of float16. The 4 bits that values keep of their lower bytes are
in words of 16 bits, in the same order.
A head's tokens lie side by side within a page, so that whoever reads one head reads long pieces.
"""

from dataclasses import dataclass

import torch

from .kv_cache import Cache, within_memory

LEVELS = 127
"""Largest integer of a key."""
LEAST_SCALE = 1e-30
"""Where all keys are 0."""
LARGEST_VALUE = 65000.0
"""What rounding still leaves finite; larger values are cut to it."""


@dataclass(frozen=True, eq=False)
class CompactCache(Cache):
    """See `Cache`. keys, upper: int32 [L, G, H, S, Q]. scales: the largest key, [L, G, H, S]. lower: upper's shape."""

    keys: torch.Tensor
    scales: torch.Tensor
    upper: torch.Tensor
    lower: torch.Tensor

    @staticmethod
    def allocate(
        layers: int, pages: int, page_size: int, heads: int, head_dim: int, dtype: torch.dtype, device: torch.device
    ) -> "CompactCache":
        assert head_dim % 4 == 0, f"head width {head_dim}, expected a multiple of 4"
        tokens = (layers, pages, heads, page_size)
        words = (*tokens, head_dim // 4)

        def make() -> CompactCache:
            keys, upper = (torch.zeros(words, dtype=torch.int32, device=device) for _ in range(2))
            lower = torch.zeros(words, dtype=torch.int16, device=device)
            return CompactCache(keys, torch.zeros(tokens, dtype=dtype, device=device), upper, lower)

        size = layers * pages * page_size * CompactCache.token_bytes(heads, head_dim, dtype)
        return within_memory(make, size, device)

    @staticmethod
    def token_bytes(heads: int, head_dim: int, dtype: torch.dtype) -> int:
        return heads * (head_dim * 5 // 2 + dtype.itemsize)

    @property
    def page_size(self) -> int:
        return self.keys.shape[3]

    def copy_pages(self, sources: torch.Tensor, targets: torch.Tensor, tokens: int) -> None:
        for pages in self.tensors:
            pages[:, targets, :, :tokens] = pages[:, sources, :, :tokens]

    def copy_page(self, source: int, target: int, tokens: int) -> None:
        for pages in self.tensors:
            pages[:, target, :, :tokens] = pages[:, source, :, :tokens]


def packed_keys(keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Words int32 [..., Q] and scales [...] of keys [..., W]."""
    scales = keys.abs().amax(dim=-1)
    inverse = LEVELS / scales.float().clamp(min=LEAST_SCALE)
    return _words(torch.floor(keys.float() * inverse[..., None] + 0.5).int() & 255, bits=8), scales


def unpacked_keys(words: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """float32 [..., W]."""
    return _pieces(words, bits=8).to(torch.int8) * (scales.float() / LEVELS)[..., None]


def packed_values(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """upper int32 and lower int16 [..., Q] of values [..., W]."""
    half = values.float().clamp(-LARGEST_VALUE, LARGEST_VALUE).half().view(torch.int16).int() & 0xFFFF
    rounded = half + 8
    return _words(rounded >> 8, bits=8), _words(rounded >> 4 & 15, bits=4).to(torch.int16)


def unpacked_values(upper: torch.Tensor, lower: torch.Tensor) -> torch.Tensor:
    """float32 [..., W]."""
    bits = _pieces(upper, bits=8) << 8 | _pieces(lower.int(), bits=4) << 4
    return bits.to(torch.int16).view(torch.float16).float()


def _words(pieces: torch.Tensor, bits: int) -> torch.Tensor:
    """[..., W] integers of so many bits to int32 [..., Q]."""
    first, second, third, fourth = pieces.unflatten(-1, (4, -1)).unbind(-2)
    return first | second << bits | third << 2 * bits | fourth << 3 * bits


def _pieces(words: torch.Tensor, bits: int) -> torch.Tensor:
    """int32 [..., Q] back to [..., W]."""
    return torch.cat([words >> place * bits & ((1 << bits) - 1) for place in range(4)], dim=-1)

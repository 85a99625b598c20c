"""The paged KV cache: keys and values of all layers in pages of equally many tokens.

Dimensions: L layers, G pages, S tokens a page, H heads, W head width, n pages copied.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from .page_allocator import OutOfCacheMemory

LayerKV = tuple[torch.Tensor, torch.Tensor]
"""One layer's keys and values, [G, S, H, W] each."""


@dataclass(frozen=True, eq=False)
class PagedCache:
    """Keys and values of all layers: [L, G, S, H, W] each."""

    keys: torch.Tensor
    values: torch.Tensor

    @staticmethod
    def allocate(
        layers: int, pages: int, page_size: int, heads: int, head_dim: int, dtype: torch.dtype, device: torch.device
    ) -> "PagedCache":
        """Room for `pages` pages, the scratch page counted. Raises `OutOfCacheMemory` where the device has none."""
        shape = (layers, pages, page_size, heads, head_dim)
        try:
            # Zeros, since backends that mask need finite values where nothing was written.
            return PagedCache(_lazy_zeros(shape, dtype, device), _lazy_zeros(shape, dtype, device))
        except (RuntimeError, MemoryError) as error:
            size = layers * pages * page_size * PagedCache.token_bytes(heads, head_dim, dtype)
            raise OutOfCacheMemory(
                f"no room for a key-value cache of {size / 2**20:.0f} MiB on {device} ({error}); "
                "lower the number of lines at once, the beams or the tokens a line may have"
            ) from error

    @staticmethod
    def token_bytes(heads: int, head_dim: int, dtype: torch.dtype) -> int:
        """Of one token in one layer."""
        return 2 * heads * head_dim * dtype.itemsize

    @property
    def page_count(self) -> int:
        return self.keys.shape[1]

    @property
    def page_size(self) -> int:
        return self.keys.shape[2]

    @property
    def total_bytes(self) -> int:
        return self.keys.nbytes + self.values.nbytes

    @property
    def layer_kv(self) -> tuple[LayerKV, ...]:
        return tuple(zip(self.keys.unbind(), self.values.unbind(), strict=True))

    def copy_pages(self, sources: torch.Tensor, targets: torch.Tensor, tokens: int) -> None:
        """Copy the first `tokens` tokens of pages `sources` to `targets` (integers [n], disjoint), in every layer."""
        for pages in (self.keys, self.values):
            if pages.device.type != "cpu":
                pages[:, targets, :tokens] = pages[:, sources, :tokens]
                continue
            for source, target in zip(sources.tolist(), targets.tolist(), strict=True):
                pages[:, target, :tokens] = pages[:, source, :tokens]

    def copy_from(self, old: "PagedCache") -> None:
        """Hold what a smaller cache holds, in the same pages."""
        for mine, its in ((self.keys, old.keys), (self.values, old.values)):
            mine[:, : old.page_count] = its


def store_kv_torch(keys: torch.Tensor, values: torch.Tensor, pages: LayerKV, slots: torch.Tensor) -> None:
    """Write keys and values [N, H, W] to slots int64 [N] of one layer's pages."""
    for held, new in zip(pages, (keys, values), strict=True):
        held.flatten(0, 1).index_copy_(0, slots, new)


def _lazy_zeros(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Zeros; on a CPU numpy's, which take memory only where they are first written."""
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    return torch.from_numpy(np.zeros(math.prod(shape) * dtype.itemsize, dtype=np.uint8)).view(dtype).view(shape)

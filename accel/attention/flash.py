"""Attention by the flash_attn package (Dao, 2023), where it is installed; nothing needs it.

Dimensions: N packed tokens, R rows that decode, H heads, W head width, C block table columns.
"""

import functools
from collections.abc import Sequence

import torch

from ...runtime.device_capability import why_too_old
from ..cache.paged_cache import LayerKV, store_kv_torch
from .base import BlockTablePlan

DTYPES = (torch.float16, torch.bfloat16)
WIDEST = 256
PAGE_UNIT = 256
"""flash_attn takes pages of a multiple of this many tokens."""


class FlashAttention:
    """See `AttentionBackend`."""

    name = "flash"
    page_size = PAGE_UNIT

    @staticmethod
    def why_unavailable(device: torch.device, dtype: torch.dtype, head_dim: int) -> str | None:
        if device.type != "cuda":
            return f"it needs a CUDA device, got {device.type}"
        if dtype not in DTYPES:
            return f"it computes in float16 or bfloat16, got {dtype}"
        if head_dim % 8 or head_dim > WIDEST:
            return f"it needs a head width that is a multiple of 8 up to {WIDEST}, got {head_dim}"
        too_old = why_too_old(device)
        if too_old is not None:
            return too_old
        try:
            import flash_attn  # noqa: F401
        except ImportError as error:
            return f"flash_attn cannot be imported ({error})"
        return None

    def store_kv(self, keys: torch.Tensor, values: torch.Tensor, pages: LayerKV, slots: torch.Tensor) -> None:
        store_kv_torch(keys, values, pages, slots)

    def attend_prefill(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, lengths: Sequence[int]
    ) -> torch.Tensor:
        from flash_attn import flash_attn_varlen_func

        starts, longest = _cumulative_lengths(tuple(lengths), queries.device), max(lengths)
        out: torch.Tensor = flash_attn_varlen_func(queries, keys, values, starts, starts, longest, longest, causal=True)
        return out

    def plan_decode(self, block_tables: torch.Tensor, lengths: torch.Tensor, page_size: int) -> BlockTablePlan:
        assert page_size % PAGE_UNIT == 0, f"flash_attn needs pages of a multiple of {PAGE_UNIT} tokens"
        return block_tables.contiguous(), lengths

    def attend_decode(self, queries: torch.Tensor, pages: LayerKV, plan: BlockTablePlan) -> torch.Tensor:
        from flash_attn import flash_attn_with_kvcache

        tables, lengths = plan
        out: torch.Tensor = flash_attn_with_kvcache(queries[:, None], *pages, cache_seqlens=lengths, block_table=tables)
        return out[:, 0]


@functools.lru_cache(maxsize=2)
def _cumulative_lengths(lengths: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """int32 [B + 1]. The layers share it."""
    return torch.tensor([0, *lengths]).cumsum(0).to(device, torch.int32)

"""Attention by our own Triton kernels: the default on CUDA. Prompts go through torch.

Dimensions: N packed tokens, R rows that decode, H heads, W head width, C block table columns.
"""

from collections.abc import Sequence

import torch

from ...runtime.device_capability import HEAD_WIDTHS, why_no_triton
from ..cache.paged_cache import LayerKV
from .base import BlockTablePlan
from .packed_prefill import attend_packed

DTYPES = (torch.float32, torch.float16, torch.bfloat16)


class TritonAttention:
    """See `AttentionBackend`."""

    name = "triton"
    page_size = 16
    """Small, since a beam that follows another copies the page that still fills up."""

    @staticmethod
    def why_unavailable(device: torch.device, dtype: torch.dtype, head_dim: int) -> str | None:
        if device.type != "cuda":
            return f"it needs a CUDA device, got {device.type}"
        if head_dim not in HEAD_WIDTHS or dtype not in DTYPES:
            return f"it has no kernel for head width {head_dim} in {dtype}"
        return why_no_triton(device)

    def store_kv(self, keys: torch.Tensor, values: torch.Tensor, pages: LayerKV, slots: torch.Tensor) -> None:
        from ..kernels.attention.kv_store import kv_store

        kv_store(keys, values, pages, slots)

    def attend_prefill(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, lengths: Sequence[int]
    ) -> torch.Tensor:
        return attend_packed(queries, keys, values, lengths)

    def plan_decode(self, block_tables: torch.Tensor, lengths: torch.Tensor, page_size: int) -> BlockTablePlan:
        return BlockTablePlan(block_tables, lengths)

    def attend_decode(self, queries: torch.Tensor, pages: LayerKV, plan: BlockTablePlan) -> torch.Tensor:
        from ..kernels.attention.paged_attention import paged_attention

        return paged_attention(queries, pages, plan.block_tables, plan.lengths)

"""Attention by our own Triton kernels: the default on CUDA. Prefill of packed prompts goes through torch.

Dimensions: N packed tokens, B prompts, T tokens of the longest, R rows that decode, H heads, W head width, C block
table columns.
"""

import functools
from collections.abc import Sequence

import torch

from ...runtime.device_capability import HEAD_WIDTHS, why_no_triton
from ...runtime.planless_attention import attend_planless
from ..cache.paged_cache import LayerKV
from .base import BlockTablePlan

DTYPES = (torch.float32, torch.float16, torch.bfloat16)
MOST_PADDING = 2
"""Prompts are padded to one batch unless that makes them this much larger; then they go one by one."""


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
        return block_tables, lengths

    def attend_decode(self, queries: torch.Tensor, pages: LayerKV, plan: BlockTablePlan) -> torch.Tensor:
        from ..kernels.attention.paged_attention import paged_attention

        return paged_attention(queries, pages, *plan)


def attend_packed(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, lengths: Sequence[int]
) -> torch.Tensor:
    """As `AttentionBackend.attend_prefill`: [N, H, W] to [N, H, W]."""
    sizes = tuple(lengths)
    if len(sizes) > 1 and max(sizes) * len(sizes) <= MOST_PADDING * sum(sizes):
        return _attend_padded(queries, keys, values, sizes)
    parts = zip(queries.split(sizes), keys.split(sizes), values.split(sizes), strict=True)
    return torch.cat([_attend_causal(*(x[None] for x in part))[0] for part in parts])


def _attend_padded(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, sizes: tuple[int, ...]
) -> torch.Tensor:
    """Padding stands behind a prompt's end, where causal attention does not reach."""
    places, back = _padding_indices(sizes, queries.device)
    shape = (len(sizes), max(sizes), *queries.shape[1:])
    out = _attend_causal(*(x.index_select(0, places).view(shape) for x in (queries, keys, values)))
    return out.flatten(0, 1).index_select(0, back)


@functools.lru_cache(maxsize=2)
def _padding_indices(sizes: tuple[int, ...], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """The packed token of each padded place, int64 [B * T], and each token's place, int64 [N]. The layers share it."""
    width = max(sizes)
    ends = torch.tensor(sizes).cumsum(0)
    starts, offsets = ends - torch.tensor(sizes), torch.arange(width)
    inside = offsets < torch.tensor(sizes)[:, None]
    places = torch.where(inside, starts[:, None] + offsets, 0).flatten()
    return places.to(device), inside.flatten().nonzero().squeeze(1).to(device)


def _attend_causal(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """[B, T, H, W]."""
    q, k, v = (x.transpose(1, 2) for x in (queries, keys, values))
    return attend_planless(q, k, v, is_causal=True).transpose(1, 2)

"""Attention by torch's own `scaled_dot_product_attention`: runs on every device.

Dimensions: N packed tokens, R rows that decode, H heads, W head width, S page size, C block table columns, T tokens.
A CPU reads each row's pages in place where they follow each other (the allocator sees to that). Other devices gather
all rows at once, which copies but launches little.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import scaled_dot_product_attention


def unavailable(device: torch.device, dtype: torch.dtype, head_dim: int) -> str | None:
    """Always None: torch brings it along."""
    return None


@dataclass(frozen=True)
class RowPlan:
    """For each row, where its tokens lie: a slice of slots, or the slots one by one."""

    slots: list[slice | torch.Tensor]


@dataclass(frozen=True)
class GatherPlan:
    """pages int64 [R, C] and mask bool [R, 1, 1, C * S], True where a token is."""

    pages: torch.Tensor
    mask: torch.Tensor


class Backend:
    """See `AttentionBackend`."""

    name = "sdpa"
    page_size = 64

    def store(
        self,
        keys: torch.Tensor,
        values: torch.Tensor,
        key_pages: torch.Tensor,
        value_pages: torch.Tensor,
        slots: torch.Tensor,
    ) -> None:
        key_pages.flatten(0, 1).index_copy_(0, slots, keys)
        value_pages.flatten(0, 1).index_copy_(0, slots, values)

    def prefill(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, lengths: Sequence[int]
    ) -> torch.Tensor:
        sizes = list(lengths)
        parts = zip(queries.split(sizes), keys.split(sizes), values.split(sizes), strict=True)
        return torch.cat([_attend(q, k, v, causal=True) for q, k, v in parts])

    def plan(self, block_tables: torch.Tensor, lengths: torch.Tensor, page_size: int) -> RowPlan | GatherPlan:
        columns = -(-int(lengths.max()) // page_size)
        tables = block_tables[:, :columns].long()
        if tables.device.type == "cpu":
            rows = zip(tables, lengths.tolist(), strict=True)
            return RowPlan([_slots(row, length, page_size) for row, length in rows])
        mask = torch.arange(columns * page_size, device=lengths.device) < lengths[:, None]
        return GatherPlan(tables, mask[:, None, None])

    def decode(
        self,
        queries: torch.Tensor,
        key_pages: torch.Tensor,
        value_pages: torch.Tensor,
        plan: RowPlan | GatherPlan,
    ) -> torch.Tensor:
        if isinstance(plan, GatherPlan):
            return _attend_gathered(queries, key_pages, value_pages, plan)
        keys, values = key_pages.flatten(0, 1), value_pages.flatten(0, 1)
        rows = zip(queries, plan.slots, strict=True)
        return torch.cat([_attend(query[None], keys[slots], values[slots], causal=False) for query, slots in rows])


def _slots(pages: torch.Tensor, length: int, page_size: int) -> slice | torch.Tensor:
    """Slots of the first `length` tokens of a row with pages [C]."""
    pages = pages[: -(-length // page_size)]
    first = int(pages[0])
    if bool((pages == torch.arange(first, first + len(pages))).all()):
        return slice(first * page_size, first * page_size + length)
    return (pages[:, None] * page_size + torch.arange(page_size)).flatten()[:length]


def _attend(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, causal: bool) -> torch.Tensor:
    """One sequence: queries [Q, H, W] over keys and values [T, H, W]."""
    q, k, v = (x.transpose(0, 1)[None] for x in (queries, keys, values))
    return scaled_dot_product_attention(q, k, v, is_causal=causal)[0].transpose(0, 1)


def _attend_gathered(
    queries: torch.Tensor, key_pages: torch.Tensor, value_pages: torch.Tensor, plan: GatherPlan
) -> torch.Tensor:
    keys, values = (pages[plan.pages].flatten(1, 2).transpose(1, 2) for pages in (key_pages, value_pages))
    return scaled_dot_product_attention(queries[:, :, None], keys, values, attn_mask=plan.mask)[:, :, 0]

"""Attention by torch's own `scaled_dot_product_attention`: runs on every device.

Dimensions: N packed tokens, R rows that decode, H heads, W head width, S page size, C block table columns, T tokens.
U tokens that a line's beams read between them.
A CPU goes line by line: it reads pages in place where they follow each other (the allocator sees to that), and those
that beams share once. Other devices gather all rows at once, which copies but launches little.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch.nn.functional import scaled_dot_product_attention


def unavailable(device: torch.device, dtype: torch.dtype, head_dim: int) -> str | None:
    """Always None: torch brings it along."""
    return None


@dataclass(frozen=True)
class Group:
    """Rows that share pages, attended to in one go.

    slots: where all their tokens lie: a slice, or int64 [U]. mask: bool [rows, U], True where a row's token is; None
    for a single row. Slots never written are not among them: a masked NaN would still spoil the sum.
    """

    rows: int
    slots: slice | torch.Tensor
    mask: torch.Tensor | None


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

    def plan(self, block_tables: torch.Tensor, lengths: torch.Tensor, page_size: int) -> list[Group] | GatherPlan:
        columns = -(-int(lengths.max()) // page_size)
        tables = block_tables[:, :columns].long()
        if tables.device.type == "cpu":
            return _groups(tables.tolist(), lengths.tolist(), page_size)
        mask = torch.arange(columns * page_size, device=lengths.device) < lengths[:, None]
        return GatherPlan(tables, mask[:, None, None])

    def decode(
        self,
        queries: torch.Tensor,
        key_pages: torch.Tensor,
        value_pages: torch.Tensor,
        plan: list[Group] | GatherPlan,
    ) -> torch.Tensor:
        if isinstance(plan, GatherPlan):
            return _attend_gathered(queries, key_pages, value_pages, plan)
        parts = zip(queries.split([group.rows for group in plan]), plan, strict=True)
        return torch.cat([_attend_group(part, key_pages, value_pages, group) for part, group in parts])


def _groups(tables: list[list[int]], lengths: list[int], page_size: int) -> list[Group]:
    """Rows one after another that begin with the same page make a group: the beams of one line."""
    numbered = zip(tables, lengths, strict=True)
    shared = [list(rows) for _, rows in groupby(numbered, key=lambda row: row[0][0])]
    return [_group([(table[: -(-n // page_size)], n) for table, n in rows], page_size) for rows in shared]


def _group(rows: list[tuple[list[int], int]], page_size: int) -> Group:
    """rows: (pages, length) of each."""
    filled = {page: min(page_size, n - c * page_size) for table, n in rows for c, page in enumerate(table)}
    pages, counts = torch.tensor(list(filled)), torch.tensor(list(filled.values()))
    if len(rows) == 1 and list(filled) == list(range(rows[0][0][0], rows[0][0][0] + len(filled))):
        first = rows[0][0][0] * page_size
        return Group(1, slice(first, first + rows[0][1]), None)
    written = torch.arange(page_size) < counts[:, None]
    slots = (pages[:, None] * page_size + torch.arange(page_size))[written]
    if len(rows) == 1:
        return Group(1, slots, None)
    owns = torch.tensor([[page in table for page in filled] for table in (set(table) for table, _ in rows)])
    return Group(len(rows), slots, owns.repeat_interleave(counts, dim=1))


def _attend_group(
    queries: torch.Tensor, key_pages: torch.Tensor, value_pages: torch.Tensor, group: Group
) -> torch.Tensor:
    keys, values = key_pages.flatten(0, 1), value_pages.flatten(0, 1)
    if isinstance(group.slots, slice):
        return _attend(queries, keys[group.slots], values[group.slots])
    slots = group.slots
    return _attend(queries, keys.index_select(0, slots), values.index_select(0, slots), mask=group.mask)


def _attend(
    queries: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    causal: bool = False,
    mask: torch.Tensor | None = None,
) -> torch.Tensor:
    """Queries [Q, H, W] over keys and values [T, H, W], all or those that mask [Q, T] marks."""
    q, k, v = (x.transpose(0, 1)[None] for x in (queries, keys, values))
    return scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)[0].transpose(0, 1)


def _attend_gathered(
    queries: torch.Tensor, key_pages: torch.Tensor, value_pages: torch.Tensor, plan: GatherPlan
) -> torch.Tensor:
    keys, values = (pages[plan.pages].flatten(1, 2).transpose(1, 2) for pages in (key_pages, value_pages))
    return scaled_dot_product_attention(queries[:, :, None], keys, values, attn_mask=plan.mask)[:, :, 0]

"""Attention by torch's own `scaled_dot_product_attention`: runs on every device.

Dimensions: N packed tokens, R rows that decode, H heads, W head width, S page size, C block table columns, T tokens.
U tokens that a line's beams read between them.
A CPU goes line by line: it reads a line's pages in place where they lie together (the allocator sees to that), and
those that beams share once. Other devices gather all rows at once, which copies but launches little.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch

from ...runtime.planless_attention import attend_planless
from ..cache.paged_cache import LayerKV, store_kv_torch

MOST_BETWEEN = 1.5
"""Pages are read in place, those of others masked, unless that makes them this much more; then they are gathered."""


@dataclass(frozen=True)
class SharedPages:
    """Rows that share pages, attended to in one go.

    slots: where all their tokens lie: a slice, or int64 [U]. mask: bool [rows, U], True where a row's token is; None
    where all are the only row's. A slice may hold slots never written, which must be finite: a masked NaN would still
    spoil the sum.
    """

    rows: int
    slots: slice | torch.Tensor
    mask: torch.Tensor | None


@dataclass(frozen=True)
class GatheredPlan:
    """pages int64 [R, C] and mask bool [R, 1, 1, C * S], True where a token is."""

    pages: torch.Tensor
    mask: torch.Tensor


SdpaPlan = list[SharedPages] | GatheredPlan


class SdpaAttention:
    """See `AttentionBackend`."""

    name = "sdpa"
    page_size = 16
    """A beam that follows another copies half a page on average."""

    @staticmethod
    def why_unavailable(device: torch.device, dtype: torch.dtype, head_dim: int) -> str | None:
        return None

    def store_kv(self, keys: torch.Tensor, values: torch.Tensor, pages: LayerKV, slots: torch.Tensor) -> None:
        store_kv_torch(keys, values, pages, slots)

    def attend_prefill(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, lengths: Sequence[int]
    ) -> torch.Tensor:
        sizes = list(lengths)
        parts = zip(queries.split(sizes), keys.split(sizes), values.split(sizes), strict=True)
        return torch.cat([_attend_dense(q, k, v, None, causal=True) for q, k, v in parts])

    def plan_decode(self, block_tables: torch.Tensor, lengths: torch.Tensor, page_size: int) -> SdpaPlan:
        if block_tables.device.type == "cpu":
            return _group_rows(block_tables, lengths.tolist(), page_size)
        columns = -(-int(lengths.max()) // page_size)
        tables = block_tables[:, :columns].long()
        mask = torch.arange(columns * page_size, device=lengths.device) < lengths[:, None]
        return GatheredPlan(tables, mask[:, None, None])

    def attend_decode(self, queries: torch.Tensor, pages: LayerKV, plan: SdpaPlan) -> torch.Tensor:
        if isinstance(plan, GatheredPlan):
            return _attend_gathered(queries, pages, plan)
        if len(plan) == 1:
            return _attend_shared(queries, pages, plan[0])
        parts = zip(queries.split([group.rows for group in plan]), plan, strict=True)
        return torch.cat([_attend_shared(part, pages, group) for part, group in parts])


def _group_rows(block_tables: torch.Tensor, lengths: list[int], page_size: int) -> list[SharedPages]:
    """Rows one after another that begin with the same page make a group: the beams of one line."""
    numbered = zip(block_tables[:, : -(-max(lengths) // page_size)].tolist(), lengths, strict=True)
    shared = [list(rows) for _, rows in groupby(numbered, key=lambda row: row[0][0])]
    return [_share_pages([(table[: -(-n // page_size)], n) for table, n in rows], page_size) for rows in shared]


def _share_pages(rows: list[tuple[list[int], int]], page_size: int) -> SharedPages:
    """rows: (pages, length) of each."""
    table, length = rows[0]
    if len(rows) == 1 and table == list(range(table[0], table[0] + len(table))):
        return SharedPages(1, slice(table[0] * page_size, table[0] * page_size + length), None)
    pages = sorted({page for table, _ in rows for page in table})
    if pages[-1] + 1 - pages[0] <= MOST_BETWEEN * len(pages):
        pages = list(range(pages[0], pages[-1] + 1))
    mask = _ownership_mask(rows, pages, page_size)
    if len(pages) == pages[-1] + 1 - pages[0]:
        return SharedPages(len(rows), slice(pages[0] * page_size, (pages[-1] + 1) * page_size), torch.from_numpy(mask))
    used = mask.any(axis=0).nonzero()[0]
    slots = (np.array(pages)[:, None] * page_size + np.arange(page_size)).ravel()[used]
    return SharedPages(len(rows), torch.from_numpy(slots), torch.from_numpy(mask[:, used]))


def _ownership_mask(rows: list[tuple[list[int], int]], pages: list[int], page_size: int) -> np.ndarray:
    """bool [rows, pages * S]: which tokens of `pages`, side by side, each row reads."""
    place = {page: number for number, page in enumerate(pages)}
    mask = np.zeros((len(rows), len(pages), page_size), dtype=bool)
    for row, (table, length) in enumerate(rows):
        mask[row, [place[page] for page in table]] = True
        mask[row, place[table[-1]], length - (len(table) - 1) * page_size :] = False
    return mask.reshape(len(rows), -1)


def _attend_shared(queries: torch.Tensor, pages: LayerKV, group: SharedPages) -> torch.Tensor:
    (keys, values), slots = (held.flatten(0, 1) for held in pages), group.slots
    if isinstance(slots, slice):
        return _attend_dense(queries, keys[slots], values[slots], group.mask)
    return _attend_dense(queries, keys.index_select(0, slots), values.index_select(0, slots), group.mask)


def _attend_dense(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None, causal: bool = False
) -> torch.Tensor:
    """Queries [Q, H, W] over keys and values [T, H, W], all or those that mask [Q, T] marks."""
    q, k, v = (x[None].transpose(1, 2) for x in (queries, keys, values))
    return attend_planless(q, k, v, mask, is_causal=causal)[0].transpose(0, 1)


def _attend_gathered(queries: torch.Tensor, pages: LayerKV, plan: GatheredPlan) -> torch.Tensor:
    keys, values = (held[plan.pages].flatten(1, 2).transpose(1, 2) for held in pages)
    return attend_planless(queries[:, :, None], keys, values, plan.mask)[:, :, 0]

"""Paged attention of tokens that decode: split-KV (Dao et al. 2023, "Flash-Decoding") with a fixed number of splits, so
that a captured graph serves any length.

Dimensions: R rows, H heads, W head width, S page size, C block table columns, P splits of a context, T tokens a tile.
Of the programs that share a context, the last to arrive reduces their splits, always in the same order.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
import triton
import triton.language as tl

from ....runtime.card import Card, card_of
from ....runtime.device_capability import HEAD_WIDTHS
from ....runtime.kernel_shapes import KernelFamily
from ...cache.paged_cache import LayerKV
from ..pdl import launch_dependents, pdl_options, wait_on_dependencies
from .online_softmax import MASKED_SCORE, attend_cached, kv_offset, load_kv_tiles, merge_new_token

NewToken = tuple[torch.Tensor, torch.Tensor]
"""Keys and values [R, H, W] of the tokens that enter, laid out as their queries."""


@triton.jit
def _load_new_kv(new_keys, new_values, at, mine):
    """The new token's key and value [W]. What another kernel has just written is read past the L1 cache."""
    new_key = tl.load(new_keys + at, mask=mine, other=0.0, cache_modifier=".cg")
    return new_key, tl.load(new_values + at, mask=mine, other=0.0, cache_modifier=".cg")


@triton.jit
def _append_kv(q, new_key, new_value, mine, key_pages, value_pages, table, length, columns, head, split,
               HEADS: tl.constexpr, WIDTH: tl.constexpr, PAGE: tl.constexpr):  # fmt: skip
    """Store the new token and score it, both by the first split alone, which adds it as one more token."""
    token = tl.minimum(length, columns * PAGE - 1)
    place = kv_offset(table, token, head, HEADS, WIDTH, PAGE) + tl.arange(0, WIDTH)
    tl.store(key_pages + place, new_key, mask=mine)
    tl.store(value_pages + place, new_value, mask=mine)
    return tl.where(split == 0, tl.sum(q * new_key.to(tl.float32), axis=0), MASKED_SCORE)


@triton.jit
def _paged_attention_kernel(queries, new_keys, new_values, key_pages, value_pages, tables, lengths, out, sums, masses,
                            arrivals, row_stride, columns, scale, HEADS: tl.constexpr, WIDTH: tl.constexpr,
                            PAGE: tl.constexpr, SPLITS: tl.constexpr, TOKENS: tl.constexpr, RESIDENT: tl.constexpr,
                            NEW: tl.constexpr, LATE_LAUNCH: tl.constexpr, EAGER_APPEND: tl.constexpr,
                            PDL: tl.constexpr):  # fmt: skip
    head, split, row = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    d = tl.arange(0, WIDTH)
    length = tl.load(lengths + row)
    table = tables + row * columns
    each = tl.cdiv(length, SPLITS)
    first = split * each
    last = tl.minimum(first + each, length)
    k = load_kv_tiles(key_pages, table, first, last, head, HEADS, WIDTH, PAGE, TOKENS, RESIDENT)
    v = load_kv_tiles(value_pages, table, first, last, head, HEADS, WIDTH, PAGE, TOKENS, RESIDENT)
    if not LATE_LAUNCH:
        launch_dependents(PDL)
    wait_on_dependencies(PDL)
    at = row * row_stride + head * WIDTH + d
    mine = d + split * WIDTH < WIDTH
    if NEW and EAGER_APPEND >= 1:
        new_key, new_value = _load_new_kv(new_keys, new_values, at, mine)
    q = tl.load(queries + at, cache_modifier=".cg").to(tl.float32) * scale
    if NEW and EAGER_APPEND >= 2:
        score = _append_kv(
            q, new_key, new_value, mine, key_pages, value_pages, table, length, columns, head, split, HEADS, WIDTH, PAGE
        )  # fmt: skip
    top, mass, acc = attend_cached(
        q, k, v, key_pages, value_pages, table, first, last, head, HEADS, WIDTH, PAGE, TOKENS, RESIDENT
    )
    if LATE_LAUNCH:
        launch_dependents(PDL)
    if NEW and EAGER_APPEND < 1:
        new_key, new_value = _load_new_kv(new_keys, new_values, at, mine)
    if NEW and EAGER_APPEND < 2:
        score = _append_kv(
            q, new_key, new_value, mine, key_pages, value_pages, table, length, columns, head, split, HEADS, WIDTH, PAGE
        )  # fmt: skip
    if not NEW:
        score, new_value = tl.full([], MASKED_SCORE, tl.float32), q
    result, mass = merge_new_token(top, mass, acc, score, new_value.to(tl.float32))
    reduce_splits(result, mass, out, sums, masses, arrivals, row, head, split, HEADS, WIDTH, SPLITS)


@triton.jit
def reduce_splits(result, mass, out, sums, masses, arrivals, row, head, split, HEADS: tl.constexpr, WIDTH: tl.constexpr,
                  SPLITS: tl.constexpr):  # fmt: skip
    """Store a split [W] of a head, and the whole head where it is the last split to arrive."""
    d = tl.arange(0, WIDTH)
    done = out + (row * HEADS + head) * WIDTH + d
    if SPLITS == 1:
        tl.store(done, result.to(out.dtype.element_ty))
    else:
        flat = (row * SPLITS + split) * HEADS + head
        tl.store(sums + flat * WIDTH + d, result)
        tl.store(masses + flat, mass)
        tl.debug_barrier()
        # Counts on from launch to launch, so that nobody has to set it back.
        before = tl.atomic_add(arrivals + row * HEADS + head, 1, sem="acq_rel")
        if (before & (SPLITS - 1)) == SPLITS - 1:
            tl.store(done, _combine_splits(sums, masses, row, head, HEADS, WIDTH, SPLITS).to(out.dtype.element_ty))


@triton.jit
def _combine_splits(sums, masses, row, head, HEADS: tl.constexpr, WIDTH: tl.constexpr, SPLITS: tl.constexpr):
    """A head's splits weighted by their masses: [W]."""
    flat = (row * SPLITS + tl.arange(0, SPLITS)) * HEADS + head
    mass = tl.load(masses + flat, cache_modifier=".cg")
    each = tl.load(sums + flat[:, None] * WIDTH + tl.arange(0, WIDTH)[None, :], cache_modifier=".cg")
    share = tl.exp(mass - tl.max(mass, axis=0))
    return tl.sum(each * share[:, None], axis=0) / tl.sum(share, axis=0)


@dataclass(frozen=True, eq=False)
class SplitKVWorkspace:
    """What programs that share a context leave each other: sums float32 [R, P, H, W], log-masses float32 [R, P, H], and
    how many have arrived at each head, int32 [R, H], which only ever counts on.
    """

    sums: torch.Tensor
    masses: torch.Tensor
    arrivals: torch.Tensor

    @staticmethod
    def allocate(splits: int, rows: int, heads: int, width: int, device: torch.device) -> "SplitKVWorkspace":
        sums = torch.empty(rows, splits, heads, width, device=device)
        arrivals = torch.zeros(rows, heads, dtype=torch.int32, device=device)
        return SplitKVWorkspace(sums, torch.empty(rows, splits, heads, device=device), arrivals)


@dataclass(frozen=True)
class DecodeAttentionConfig:
    """splits of a context, a power of two. tokens: of a tile. resident: tiles that are in registers before the query is
    there. warps. late_launch: keep the next kernel, whose weights would come at the expense of keys and values, until
    these have been read. eager_append: whether a new token is loaded (1) and also stored (2) before the context is
    read."""

    splits: int
    tokens: int
    resident: int
    warps: int
    late_launch: bool
    eager_append: int


class AttentionSize(NamedTuple):
    """crowding: how many of `CROWDED` the programs reach. width: of a head."""

    crowding: int
    width: int


CROWDED = (40, 80, 160, 320)
"""Programs on 33 multiprocessors from which other shapes are faster, measured on the 132 of an H200."""


def attention_rule(size: AttentionSize, card: Card) -> DecodeAttentionConfig:
    """Few programs have a multiprocessor each, and hold most of a context. Where they are hardly more than there are
    multiprocessors, two share a context, so that none works alone for long. Many hide each other's waiting, the better
    the smaller they are. Measured on an H200, the last's shape on an H100."""
    tokens = max(16, min(64, 4096 // size.width))
    return (
        DecodeAttentionConfig(1, tokens, 9, 8, late_launch=False, eager_append=0),
        DecodeAttentionConfig(2, tokens, 3, 8, late_launch=True, eager_append=1),
        DecodeAttentionConfig(1, tokens, 3, 8, late_launch=True, eager_append=1),
        DecodeAttentionConfig(1, max(16, tokens // 2), 2, 2, late_launch=True, eager_append=2),
        DecodeAttentionConfig(1, max(16, tokens // 4), 2, 1, late_launch=True, eager_append=2),
    )[size.crowding]


def attention_candidates(size: AttentionSize, card: Card) -> Iterable[DecodeAttentionConfig]:
    """Every crowding's shape, with one and with two splits."""
    for crowding in range(len(CROWDED) + 1):
        shape = attention_rule(AttentionSize(crowding, size.width), card)
        yield from (replace(shape, splits=splits) for splits in (1, 2))


ATTENTION = KernelFamily("paged attention", attention_rule, attention_candidates)


def choose_attention_config(rows: int, heads: int, width: int, device: torch.device) -> DecodeAttentionConfig:
    """For queries [rows, heads, width]."""
    crowding = sum(33 * rows * heads >= limit * card_of(device).multiprocessors for limit in CROWDED)
    return ATTENTION.choose(AttentionSize(crowding, width), device)


def paged_attention(
    queries: torch.Tensor,
    pages: LayerKV,
    block_tables: torch.Tensor,
    lengths: torch.Tensor,
    new: NewToken | None = None,
    *,
    out: torch.Tensor | None = None,
    workspace: SplitKVWorkspace | None = None,
) -> torch.Tensor:
    """out [R, H, W]: one query [R, H, W] for each row over `lengths` int32 [R] cached tokens.

    new: the token's own keys and values, not yet in the cache: they are stored at place `lengths` and attended to.
    pages: keys and values [G, S, H, W]. block_tables: int32 [R, C]. W is a power of two from 16 on. workspace: of
    `choose_attention_config`'s splits. What is not given is allocated.
    """
    rows, heads, width = queries.shape
    config = choose_attention_config(rows, heads, width, queries.device)
    out = queries.new_empty(queries.shape) if out is None else out
    workspace = workspace or SplitKVWorkspace.allocate(config.splits, rows, heads, width, queries.device)
    assert width in HEAD_WIDTHS, f"head width {width}"
    assert workspace.sums.shape == (rows, config.splits, heads, width), f"workspace {tuple(workspace.sums.shape)}"
    assert config.splits & (config.splits - 1) == 0, f"{config.splits} splits, expected a power of two"
    assert out.shape == queries.shape and out.is_contiguous(), f"out is {tuple(out.shape)}"
    assert block_tables.stride(1) == 1 and block_tables.dtype is torch.int32 and lengths.dtype is torch.int32
    assert all(page.is_contiguous() for page in pages), "pages must be contiguous"
    for x in (queries, *(new or ())):
        assert x.stride() == queries.stride() and x.stride()[1:] == (width, 1), f"strides {x.stride()}"
    _paged_attention_kernel[(heads, config.splits, rows)](
        queries, *(new or (queries, queries)), *pages, block_tables, lengths, out, workspace.sums, workspace.masses,
        workspace.arrivals, queries.stride(0), block_tables.stride(0), width**-0.5, HEADS=heads, WIDTH=width,
        PAGE=pages[0].shape[1], SPLITS=config.splits, TOKENS=config.tokens, RESIDENT=config.resident,
        NEW=new is not None, LATE_LAUNCH=config.late_launch, EAGER_APPEND=config.eager_append, num_warps=config.warps,
        **pdl_options(queries.device),
    )  # fmt: skip
    return out


def paged_attention_torch(
    queries: torch.Tensor, pages: LayerKV, block_tables: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    """The twin of `paged_attention` without `new`, row by row."""
    rows = []
    for query, table, length in zip(queries.float(), block_tables.long(), lengths.tolist(), strict=True):
        keys, values = (page[table].flatten(0, 1)[:length].float() for page in pages)
        scores = torch.einsum("hw,thw->ht", query, keys) * queries.shape[-1] ** -0.5
        rows.append(torch.einsum("ht,thw->hw", scores.softmax(dim=1), values))
    return torch.stack(rows).to(queries.dtype)

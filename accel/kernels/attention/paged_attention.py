"""Attention of tokens that decode over paged keys and values, the context split over programs (Dao et al. 2023,
"Flash-Decoding"), with a fixed number of parts so that a captured graph serves any length.

Dimensions: R rows, H heads, W head width, S page size, C block table columns, P parts of a context, T tokens at once.
Of the programs that share a context, the last to arrive puts their parts together, always in the same order.
"""

from dataclasses import dataclass
from typing import Any

import torch
import triton
import triton.language as tl

from ....runtime.device_capability import HEAD_WIDTHS
from ...cache.paged_cache import Pages
from ..pdl import launch_dependents, pdl_options, wait_on_dependencies
from .online_softmax import NOTHING, held, over_context, place_of, together

NewToken = tuple[torch.Tensor, torch.Tensor]
"""Keys and values [R, H, W] of the tokens that enter, laid out as their queries."""


@triton.jit
def _asked(new_keys, new_values, at, mine):
    """The new token's key and value [W]. What another kernel has just written is read past the first-level cache."""
    new_key = tl.load(new_keys + at, mask=mine, other=0.0, cache_modifier=".cg")
    return new_key, tl.load(new_values + at, mask=mine, other=0.0, cache_modifier=".cg")


@triton.jit
def _stored(q, new_key, new_value, mine, key_pages, value_pages, table, length, columns, head, part,
            HEADS: tl.constexpr, WIDTH: tl.constexpr, PAGE: tl.constexpr):  # fmt: skip
    """Store the new token and score it, both by the first part alone, which adds it as one more place."""
    token = tl.minimum(length, columns * PAGE - 1)
    place = place_of(table, token, head, HEADS, WIDTH, PAGE) + tl.arange(0, WIDTH)
    tl.store(key_pages + place, new_key, mask=mine)
    tl.store(value_pages + place, new_value, mask=mine)
    return tl.where(part == 0, tl.sum(q * new_key.to(tl.float32), axis=0), NOTHING)


@triton.jit
def _paged_attention(queries, new_keys, new_values, key_pages, value_pages, tables, lengths, out, parts, masses,
                     arrivals, row_stride, columns, scale, HEADS: tl.constexpr, WIDTH: tl.constexpr,
                     PAGE: tl.constexpr, PARTS: tl.constexpr, TOKENS: tl.constexpr, HELD: tl.constexpr,
                     NEW: tl.constexpr, LATE: tl.constexpr, BEFORE: tl.constexpr, PDL: tl.constexpr):  # fmt: skip
    head, part, row = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    d = tl.arange(0, WIDTH)
    length = tl.load(lengths + row)
    table = tables + row * columns
    each = tl.cdiv(length, PARTS)
    first = part * each
    last = tl.minimum(first + each, length)
    k = held(key_pages, table, first, last, head, HEADS, WIDTH, PAGE, TOKENS, HELD)
    v = held(value_pages, table, first, last, head, HEADS, WIDTH, PAGE, TOKENS, HELD)
    if not LATE:
        launch_dependents(PDL)
    wait_on_dependencies(PDL)
    at = row * row_stride + head * WIDTH + d
    mine = d + part * WIDTH < WIDTH
    if NEW and BEFORE >= 1:
        new_key, new_value = _asked(new_keys, new_values, at, mine)
    q = tl.load(queries + at, cache_modifier=".cg").to(tl.float32) * scale
    if NEW and BEFORE >= 2:
        score = _stored(
            q, new_key, new_value, mine, key_pages, value_pages, table, length, columns, head, part, HEADS, WIDTH, PAGE
        )  # fmt: skip
    top, mass, acc = over_context(
        q, k, v, key_pages, value_pages, table, first, last, head, HEADS, WIDTH, PAGE, TOKENS, HELD
    )
    if LATE:
        launch_dependents(PDL)
    if NEW and BEFORE < 1:
        new_key, new_value = _asked(new_keys, new_values, at, mine)
    if NEW and BEFORE < 2:
        score = _stored(
            q, new_key, new_value, mine, key_pages, value_pages, table, length, columns, head, part, HEADS, WIDTH, PAGE
        )  # fmt: skip
    if not NEW:
        score, new_value = tl.full([], NOTHING, tl.float32), q
    result, mass = together(top, mass, acc, score, new_value.to(tl.float32))
    hand_in(result, mass, out, parts, masses, arrivals, row, head, part, HEADS, WIDTH, PARTS)


@triton.jit
def hand_in(result, mass, out, parts, masses, arrivals, row, head, part, HEADS: tl.constexpr, WIDTH: tl.constexpr,
            PARTS: tl.constexpr):  # fmt: skip
    """Store a part [W] of a head, and the whole head where it is the last part to arrive."""
    d = tl.arange(0, WIDTH)
    done = out + (row * HEADS + head) * WIDTH + d
    if PARTS == 1:
        tl.store(done, result.to(out.dtype.element_ty))
    else:
        flat = (row * PARTS + part) * HEADS + head
        tl.store(parts + flat * WIDTH + d, result)
        tl.store(masses + flat, mass)
        tl.debug_barrier()
        # Counts on from launch to launch, so that nobody has to set it back.
        before = tl.atomic_add(arrivals + row * HEADS + head, 1, sem="acq_rel")
        if (before & (PARTS - 1)) == PARTS - 1:
            tl.store(done, _combined(parts, masses, row, head, HEADS, WIDTH, PARTS).to(out.dtype.element_ty))


@triton.jit
def _combined(parts, masses, row, head, HEADS: tl.constexpr, WIDTH: tl.constexpr, PARTS: tl.constexpr):
    """A head's parts weighted by their masses: [W]."""
    flat = (row * PARTS + tl.arange(0, PARTS)) * HEADS + head
    mass = tl.load(masses + flat, cache_modifier=".cg")
    each = tl.load(parts + flat[:, None] * WIDTH + tl.arange(0, WIDTH)[None, :], cache_modifier=".cg")
    share = tl.exp(mass - tl.max(mass, axis=0))
    return tl.sum(each * share[:, None], axis=0) / tl.sum(share, axis=0)


@dataclass(frozen=True, eq=False)
class Parts:
    """Where programs that share a context leave their parts: sums float32 [R, P, H, W], log-masses float32 [R, P, H],
    and how many have arrived at each head, int32 [R, H], which only ever counts on.
    """

    sums: torch.Tensor
    masses: torch.Tensor
    arrivals: torch.Tensor

    @property
    def count(self) -> int:
        return self.sums.shape[1]

    @staticmethod
    def allocate(count: int, rows: int, heads: int, width: int, device: torch.device) -> "Parts":
        """Room for `count` parts of each context."""
        sums = torch.empty(rows, count, heads, width, device=device)
        arrivals = torch.zeros(rows, heads, dtype=torch.int32, device=device)
        return Parts(sums, torch.empty(rows, count, heads, device=device), arrivals)


@dataclass(frozen=True)
class Split:
    """parts of a context, a power of two. tokens: that a program looks at together. held: windows of so many that are
    in registers before the query is there. warps. late: keep the next kernel, whose weights would come at the expense
    of keys and values, until these have been read. before: whether a new token is asked for (1) and also stored (2)
    before the context is read."""

    parts: int
    tokens: int
    held: int
    warps: int
    late: bool
    before: int


def split_for(rows: int, heads: int, width: int) -> Split:
    """Few programs have a multiprocessor each, and hold most of a context. Where they are hardly more than there are
    multiprocessors, two share a context, so that none works alone for long. Many hide each other's waiting, the better
    the smaller they are. Measured on an H200, the last's shape on an H100."""
    programs, tokens = rows * heads, max(16, min(64, 4096 // width))
    if programs < 160:
        return Split(1, tokens, 9, 8, late=False, before=0)
    if programs < 320:
        return Split(2, tokens, 3, 8, late=True, before=1)
    if programs < 640:
        return Split(1, tokens, 3, 8, late=True, before=1)
    if programs < 1280:
        return Split(1, max(16, tokens // 2), 2, 2, late=True, before=2)
    return Split(1, max(16, tokens // 4), 2, 1, late=True, before=2)


def attend(
    queries: torch.Tensor,
    pages: Pages,
    block_tables: torch.Tensor,
    lengths: torch.Tensor,
    out: torch.Tensor,
    parts: Parts,
    new: NewToken | None = None,
) -> torch.Tensor:
    """out [R, H, W]: one query [R, H, W] for each row over `lengths` int32 [R] cached tokens.

    new: the token's own keys and values, not yet in the cache: they are stored at place `lengths` and attended to.
    pages: keys and values [G, S, H, W]. block_tables: int32 [R, C]. W is a power of two from 16 on.
    """
    rows, heads, width = queries.shape
    split = split_for(rows, heads, width)
    given, options = launch_arguments(queries, pages, block_tables, lengths, out, parts, new)
    _paged_attention[(heads, parts.count, rows)](
        *given, width**-0.5, PAGE=pages[0].shape[1], TOKENS=split.tokens, HELD=split.held, LATE=split.late,
        BEFORE=split.before, num_warps=split.warps, **options,
    )  # fmt: skip
    return out


def launch_arguments(
    queries: torch.Tensor,
    pages: Pages,
    block_tables: torch.Tensor,
    lengths: torch.Tensor,
    out: torch.Tensor,
    parts: Parts,
    new: NewToken | None,
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What kernels are given of `attend`'s arguments, checked, whatever the pages hold: in order, and by name."""
    rows, heads, width = queries.shape
    assert width in HEAD_WIDTHS, f"head width {width}"
    assert parts.sums.shape == (rows, parts.count, heads, width), f"parts are {tuple(parts.sums.shape)}"
    assert parts.count & (parts.count - 1) == 0, f"{parts.count} parts, expected a power of two"
    assert out.shape == queries.shape and out.is_contiguous(), f"out is {tuple(out.shape)}"
    assert block_tables.stride(1) == 1 and block_tables.dtype is torch.int32 and lengths.dtype is torch.int32
    assert all(held.is_contiguous() for held in pages), "pages must be contiguous"
    for x in (queries, *(new or ())):
        assert x.stride() == queries.stride() and x.stride()[1:] == (width, 1), f"strides {x.stride()}"
    given = (
        queries, *(new or (queries, queries)), *pages, block_tables, lengths, out, parts.sums, parts.masses,
        parts.arrivals, queries.stride(0), block_tables.stride(0),
    )  # fmt: skip
    options = {"HEADS": heads, "WIDTH": width, "PARTS": parts.count, "NEW": new is not None}
    return given, {**options, **pdl_options(queries.device)}


def paged_attention(
    queries: torch.Tensor,
    pages: Pages,
    block_tables: torch.Tensor,
    lengths: torch.Tensor,
    new: NewToken | None = None,
) -> torch.Tensor:
    """[R, H, W]: see `attend`."""
    out, parts = fresh(queries, split_for(*queries.shape).parts)
    return attend(queries, pages, block_tables, lengths, out, parts, new)


def fresh(queries: torch.Tensor, count: int) -> tuple[torch.Tensor, Parts]:
    """`attend`'s out and parts for queries [R, H, W]."""
    rows, heads, width = queries.shape
    out = torch.empty(queries.shape, dtype=queries.dtype, device=queries.device)
    return out, Parts.allocate(count, rows, heads, width, queries.device)


def paged_attention_torch(
    queries: torch.Tensor, pages: Pages, block_tables: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    """The twin of `paged_attention` without `new`, row by row."""
    rows = []
    for query, table, length in zip(queries.float(), block_tables.long(), lengths.tolist(), strict=True):
        keys, values = (held[table].flatten(0, 1)[:length].float() for held in pages)
        scores = torch.einsum("hw,thw->ht", query, keys) * queries.shape[-1] ** -0.5
        rows.append(torch.einsum("ht,thw->hw", scores.softmax(dim=1), values))
    return torch.stack(rows).to(queries.dtype)

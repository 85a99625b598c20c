"""Attention of tokens that decode over paged keys and values, the context split over programs (Dao et al. 2023,
"Flash-Decoding"), with a fixed number of parts so that a captured graph serves any length.

Dimensions: R rows, H heads, W head width, S page size, C block table columns, P parts of a context, T tokens at once.
Each of the T places of a program keeps its own running softmax; they meet once, at the end.
"""

import torch
import triton
import triton.language as tl

from .overlap import launch_options, ready

NOTHING = tl.constexpr(-1e30)
"""Log-mass of a part without tokens."""


@triton.jit
def _window(pages, table, first, last, head, HEADS: tl.constexpr, WIDTH: tl.constexpr, PAGE: tl.constexpr,
            TOKENS: tl.constexpr):  # fmt: skip
    """Tokens first … first + T - 1, those below `last`: [T, W]."""
    t = first + tl.arange(0, TOKENS)
    page = tl.load(table + t // PAGE, mask=t < last, other=0).to(tl.int64)
    place = ((page * PAGE + t % PAGE) * HEADS + head) * WIDTH
    return tl.load(pages + place[:, None] + tl.arange(0, WIDTH)[None, :], mask=(t < last)[:, None], other=0.0)


@triton.jit
def _paged_attention(queries, new_keys, new_values, key_pages, value_pages, tables, lengths, out, masses, row_stride,
                     columns, scale, HEADS: tl.constexpr, WIDTH: tl.constexpr, PAGE: tl.constexpr,
                     PARTS: tl.constexpr, TOKENS: tl.constexpr, NEW: tl.constexpr,
                     OVERLAP: tl.constexpr):  # fmt: skip
    head, part, row = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    d = tl.arange(0, WIDTH)
    length = tl.load(lengths + row)
    table = tables + row * columns
    each = tl.cdiv(length, PARTS)
    first = part * each
    last = tl.minimum(first + each, length)
    k = _window(key_pages, table, first, last, head, HEADS, WIDTH, PAGE, TOKENS)
    v = _window(value_pages, table, first, last, head, HEADS, WIDTH, PAGE, TOKENS)
    ready(OVERLAP)
    at = row * row_stride + head * WIDTH + d
    q = tl.load(queries + at, cache_modifier=".cg").to(tl.float32) * scale
    top = tl.full([TOKENS], NOTHING, tl.float32)
    mass = tl.zeros([TOKENS], tl.float32)
    acc = tl.zeros([TOKENS, WIDTH], tl.float32)
    for start in range(first, last, TOKENS):
        live = start + tl.arange(0, TOKENS) < last
        scores = tl.where(live, tl.sum(k.to(tl.float32) * q[None, :], axis=1), NOTHING)
        higher = tl.maximum(top, scores)
        shrink = tl.exp(top - higher)
        weight = tl.where(live, tl.exp(scores - higher), 0.0)
        mass = mass * shrink + weight
        acc = acc * shrink[:, None] + weight[:, None] * v.to(tl.float32)
        top = higher
        k = _window(key_pages, table, start + TOKENS, last, head, HEADS, WIDTH, PAGE, TOKENS)
        v = _window(value_pages, table, start + TOKENS, last, head, HEADS, WIDTH, PAGE, TOKENS)
    highest = tl.max(top, axis=0)
    if NEW:
        # The first part stores the new token and adds it as one more place.
        mine = d + part * WIDTH < WIDTH
        new_key = tl.load(new_keys + at, mask=mine, other=0.0, cache_modifier=".cg")
        new_value = tl.load(new_values + at, mask=mine, other=0.0, cache_modifier=".cg")
        page = tl.load(table + tl.minimum(length // PAGE, columns - 1)).to(tl.int64)
        place = ((page * PAGE + length % PAGE) * HEADS + head) * WIDTH + d
        tl.store(key_pages + place, new_key, mask=mine)
        tl.store(value_pages + place, new_value, mask=mine)
        score = tl.where(part == 0, tl.sum(q * new_key.to(tl.float32), axis=0), NOTHING)
        highest = tl.maximum(highest, score)
    share = tl.exp(top - highest)
    total = tl.sum(mass * share, axis=0)
    result = tl.sum(acc * share[:, None], axis=0)
    if NEW:
        own = tl.where(part == 0, tl.exp(score - highest), 0.0)
        total += own
        result += own * new_value.to(tl.float32)
    total = tl.maximum(total, 1e-30)
    flat = (row * PARTS + part) * HEADS + head
    tl.store(out + flat * WIDTH + d, (result / total).to(out.dtype.element_ty))
    if PARTS > 1:
        tl.store(masses + flat, highest + tl.log(total))


@triton.jit
def _combine(parts, masses, out, HEADS: tl.constexpr, WIDTH: tl.constexpr, PARTS: tl.constexpr,
             OVERLAP: tl.constexpr):  # fmt: skip
    head, row = tl.program_id(0), tl.program_id(1).to(tl.int64)
    d = tl.arange(0, WIDTH)
    flat = (row * PARTS + tl.arange(0, PARTS)) * HEADS + head
    ready(OVERLAP)
    mass = tl.load(masses + flat, cache_modifier=".cg")
    each = tl.load(parts + flat[:, None] * WIDTH + d[None, :], cache_modifier=".cg")
    share = tl.exp(mass - tl.max(mass, axis=0))
    result = tl.sum(each * share[:, None], axis=0) / tl.sum(share, axis=0)
    tl.store(out + (row * HEADS + head) * WIDTH + d, result.to(out.dtype.element_ty))


def parts_for(rows: int, heads: int) -> int:
    """Parts per context: enough programs to fill a large GPU, and few enough to be read back for nothing."""
    return 4 if rows * heads < 160 else 2 if rows * heads < 640 else 1


def tokens_for(width: int) -> int:
    """Tokens that a program of four warps holds at once, keys and values in registers."""
    return max(16, min(64, 4096 // width))


def attend_parts(
    queries: torch.Tensor,
    key_pages: torch.Tensor,
    value_pages: torch.Tensor,
    block_tables: torch.Tensor,
    lengths: torch.Tensor,
    parts: torch.Tensor,
    masses: torch.Tensor,
    new: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> None:
    """One query [R, H, W] for each row over `lengths` int32 [R] cached tokens, in P parts.

    new: the token's own keys and values [R, H, W], laid out as the queries, not yet in the cache: they are stored at
    place `lengths` and attended to. Writes parts [R, P, H, W] (any dtype) and, where P > 1, the parts' log-masses
    float32 [R, P, H]. Pages [G, S, H, W], block_tables int32 [R, C]. W is a power of two from 16 on.
    """
    rows, heads, width = queries.shape
    count = parts.shape[1]
    assert supports(width), f"head width {width}"
    assert parts.shape == (rows, count, heads, width) and parts.is_contiguous(), f"parts are {tuple(parts.shape)}"
    assert masses.shape == (rows, count, heads) and masses.is_contiguous(), f"masses are {tuple(masses.shape)}"
    assert block_tables.stride(1) == 1 and block_tables.dtype is torch.int32 and lengths.dtype is torch.int32
    assert key_pages.is_contiguous() and value_pages.is_contiguous(), "pages must be contiguous"
    for x in (queries, *(new or ())):
        assert x.stride() == queries.stride() and x.stride()[1:] == (width, 1), f"strides {x.stride()}"
    new_keys, new_values = new or (queries, queries)
    _paged_attention[(heads, count, rows)](
        queries, new_keys, new_values, key_pages, value_pages, block_tables, lengths, parts, masses,
        queries.stride(0), block_tables.stride(0), width**-0.5, HEADS=heads, WIDTH=width, PAGE=key_pages.shape[1],
        PARTS=count, TOKENS=tokens_for(width), NEW=new is not None, num_warps=4, **launch_options(queries.device),
    )  # fmt: skip


def combine(parts: torch.Tensor, masses: torch.Tensor, out: torch.Tensor) -> None:
    """Parts [R, P, H, W] weighted by their masses, into out [R, H, W] of any dtype."""
    rows, count, heads, width = parts.shape
    assert out.shape == (rows, heads, width) and out.is_contiguous(), f"out is {tuple(out.shape)}"
    _combine[(heads, rows)](
        parts, masses, out, HEADS=heads, WIDTH=width, PARTS=count, num_warps=1, **launch_options(parts.device)
    )


def paged_attention(
    queries: torch.Tensor,
    key_pages: torch.Tensor,
    value_pages: torch.Tensor,
    block_tables: torch.Tensor,
    lengths: torch.Tensor,
    new: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:
    """[R, H, W]: see `attend_parts`."""
    rows, heads, width = queries.shape
    count = parts_for(rows, heads)
    out = torch.empty(rows, heads, width, dtype=queries.dtype, device=queries.device)
    parts = out[:, None] if count == 1 else queries.new_empty(rows, count, heads, width, dtype=torch.float32)
    masses = queries.new_empty(rows, count, heads, dtype=torch.float32)
    attend_parts(queries, key_pages, value_pages, block_tables, lengths, parts, masses, new)
    if count > 1:
        combine(parts, masses, out)
    return out


def paged_attention_torch(
    queries: torch.Tensor,
    key_pages: torch.Tensor,
    value_pages: torch.Tensor,
    block_tables: torch.Tensor,
    lengths: torch.Tensor,
) -> torch.Tensor:
    """The twin of `paged_attention` without `new`, row by row."""
    rows = []
    for query, table, length in zip(queries.float(), block_tables.long(), lengths.tolist(), strict=True):
        keys, values = (pages[table].flatten(0, 1)[:length].float() for pages in (key_pages, value_pages))
        scores = torch.einsum("hw,thw->ht", query, keys) * queries.shape[-1] ** -0.5
        rows.append(torch.einsum("ht,thw->hw", scores.softmax(dim=1), values))
    return torch.stack(rows).to(queries.dtype)


def supports(head_width: int) -> bool:
    """Whether the kernels run at this width."""
    return head_width in (16, 32, 64, 128, 256)

"""Beam reorder: each beam takes over the block table and the penalized tokens of the one it continues.

Complete pages change hands by number; the page that fills up is copied into the beam's spare one.

Dimensions: L lines, K beams, R = L * K rows, V vocabulary, S tokens a page, T table columns.
"""

import torch
import triton
import triton.language as tl

from ...cache.paged_cache import PagedCache
from ...state import RowState
from ..pdl import launch_dependents_and_wait, pdl_options

COPIED = 2048
"""Elements of a page that one program copies: as many as its threads have under way at once."""
PENALTIES = 1024
"""Tokens whose penalties one program moves."""


@triton.jit
def reorder_block_tables(lane, row, b, beam, parent, lengths, tables, spares, moves, columns, PAGE: tl.constexpr,
                         K: tl.constexpr, COLUMNS: tl.constexpr):  # fmt: skip
    """Every beam takes over the complete pages of its parent, and notes the copy of the page that fills up."""
    cached = tl.load(lengths + row, mask=beam, other=0) + 1
    column, fill = cached // PAGE, cached % PAGE
    origin = lane * K + parent
    spare = tl.load(spares + row, mask=beam, other=0)
    own = tl.load(tables + row * columns + column, mask=beam, other=0)
    source = tl.load(tables + origin * columns + column, mask=beam, other=0)
    moved = beam & (parent != b) & (fill > 0)
    tl.debug_barrier()
    tl.store(lengths + row, cached, mask=beam)
    tl.store(tables + row * columns + column, spare, mask=moved)
    tl.store(spares + row, own, mask=moved)
    tl.store(moves + row * 4, source, mask=beam)
    tl.store(moves + row * 4 + 1, spare, mask=beam)
    tl.store(moves + row * 4 + 2, tl.where(moved, fill, 0), mask=beam)
    tl.store(moves + row * 4 + 3, parent, mask=beam)
    most = tl.max(column, axis=0)
    for start in range(0, most, COLUMNS):
        t = start + tl.arange(0, COLUMNS)[None, :]
        complete = beam[:, None] & (t < column[:, None])
        taken = tl.load(tables + origin[:, None] * columns + t, mask=complete, other=0)
        tl.debug_barrier()
        tl.store(tables + row[:, None] * columns + t, taken, mask=complete)


@triton.jit
def _copy_partial_pages_kernel(keys, values, seen, tokens, moves, copies, layer_stride, TOKEN: tl.constexpr,
                               PAGE: tl.constexpr, V: tl.constexpr, K: tl.constexpr, SLOTS: tl.constexpr,
                               BLOCKS: tl.constexpr, BLOCK: tl.constexpr, PENALTIES: tl.constexpr,
                               PDL: tl.constexpr):  # fmt: skip
    """The first programs of a line copy a beam's page, one block of one layer each; the others move its penalties,
    PENALTIES tokens each."""
    launch_dependents_and_wait(PDL)
    part, lane = tl.program_id(0), tl.program_id(1)
    if part < copies:
        move = moves + (lane * K + part // BLOCKS % K) * 4
        source, target = tl.load(move, cache_modifier=".cg"), tl.load(move + 1, cache_modifier=".cg")
        fill, parent = tl.load(move + 2, cache_modifier=".cg"), tl.load(move + 3, cache_modifier=".cg")
        i = part % BLOCKS * BLOCK + tl.arange(0, BLOCK)
        if (parent >= 0) & (part % BLOCKS * BLOCK < fill * TOKEN):
            layer = (part // (BLOCKS * K)).to(tl.int64) * layer_stride
            here, there = layer + source.to(tl.int64) * PAGE * TOKEN, layer + target.to(tl.int64) * PAGE * TOKEN
            k = tl.load(keys + here + i, mask=i < fill * TOKEN)
            v = tl.load(values + here + i, mask=i < fill * TOKEN)
            tl.store(keys + there + i, k, mask=i < fill * TOKEN)
            tl.store(values + there + i, v, mask=i < fill * TOKEN)
    else:
        beams = tl.arange(0, SLOTS)
        row = lane * K + beams
        parents = tl.load(moves + row * 4 + 3, mask=beams < K, other=-1, cache_modifier=".cg")
        token = tl.load(tokens + row, mask=beams < K, other=-1, cache_modifier=".cg")
        t = (part - copies) * PENALTIES + tl.arange(0, PENALTIES)[None, :]
        inside = (parents >= 0)[:, None] & (t < V)
        was_seen = tl.load(seen + (lane * K + parents)[:, None] * V + t, mask=inside, other=0)
        tl.debug_barrier()
        tl.store(seen + row[:, None] * V + t, tl.where(t == token[:, None], 1, was_seen).to(tl.uint8), mask=inside)


def copy_partial_pages(cache: PagedCache, rows: RowState, moves: torch.Tensor, beams: int) -> None:
    """Copy pages and move penalties as `reorder_block_tables` has noted in moves, int32 [R, 4]: source, target, filled
    places and parent, which is -1 where a line stays as it is."""
    count, vocabulary = rows.seen.shape
    layers, page_size, token = cache.keys.shape[0], cache.page_size, cache.keys.stride(2)
    block = min(COPIED, triton.next_power_of_2(page_size * token))
    blocks = triton.cdiv(page_size * token, block)
    copies = layers * beams * blocks
    _copy_partial_pages_kernel[(copies + triton.cdiv(vocabulary, PENALTIES), count // beams)](
        cache.keys, cache.values, rows.seen.view(torch.uint8), rows.tokens, moves, copies, cache.keys.stride(0),
        TOKEN=token, PAGE=page_size, V=vocabulary, K=beams, SLOTS=triton.next_power_of_2(beams), BLOCKS=blocks,
        BLOCK=block, PENALTIES=PENALTIES, num_warps=4, **pdl_options(moves.device),
    )  # fmt: skip

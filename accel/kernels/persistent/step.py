"""The step of megakernel.py over buffers that stay where they are: fit to be captured."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
import triton

from ....runtime.card import INTERPRETED, Card
from ....runtime.kernel_shapes import KernelFamily
from ...cache.paged_cache import PagedCache
from ...state import DecodeState
from ...weights import MATRICES, DecoderWeights, LayerWeights
from .mailbox import mailbox_wait_ptx
from .megakernel import decode_megakernel

ALIGNED = 32
"""Bytes; tiles are loaded in pieces of 16."""


@dataclass(frozen=True)
class MegakernelShape:
    """programs: all of which run at once. matrix_programs: those of them that have the matrices. tile: rows of one, a
    multiple of 4. stages: tiles under way and the one in use. tokens: of a tile of keys or values. resident: tiles
    that are in registers before they are needed."""

    programs: int
    matrix_programs: int
    tile: int
    stages: int
    tokens: int
    resident: int


def prefers_megakernel(weights: DecoderWeights) -> bool:
    """Whether one launch is faster here than many: in half precision on Hopper, where that was measured."""
    device = weights.device
    if device.type != "cuda" or torch.version.cuda is None or torch.cuda.get_device_capability(device)[0] != 9:
        return False
    if weights.dtype.itemsize != 2 or weights.width % 32 or weights.head_dim > 128:
        return False
    return all(matrix.data_ptr() % ALIGNED == 0 for layer in weights.layers for matrix in _layer_matrices(layer))


class MegakernelSize(NamedTuple):
    """weight_bytes: of one weight."""

    width: int
    heads: int
    head_dim: int
    weight_bytes: int


def megakernel_rule(size: MegakernelSize, card: Card) -> MegakernelShape:
    """Every multiprocessor has a program; about a fifth of them are enough for attention. Of tiles in 8 bits twice as
    many are under way."""
    if card is INTERPRETED:
        # One program after the other: a few.
        return MegakernelShape(5, 3, 8, 1, 4, 2)
    attention = min(card.multiprocessors // 5, size.heads + size.heads // 4)
    return _shape_with(size, card, attention, 16, 8 // size.weight_bytes)


def megakernel_candidates(size: MegakernelSize, card: Card) -> Iterable[MegakernelShape]:
    """Tiles of other sizes, more and fewer of them under way, and attention with fewer programs."""
    usual, all_heads = megakernel_rule(size, card), min(card.multiprocessors // 5, size.heads)
    for stages in (3, 5, 6):
        yield replace(usual, stages=stages * 2 // size.weight_bytes)
    yield from (_shape_with(size, card, each, usual.tile, usual.stages) for each in (all_heads, all_heads // 2))
    yield replace(usual, tile=usual.tile * 2, stages=usual.stages // 2)
    yield replace(usual, tile=usual.tile // 2, stages=usual.stages * 2)


def _shape_with(size: MegakernelSize, card: Card, attention: int, tile: int, stages: int) -> MegakernelShape:
    """attention: programs for it."""
    matrix_programs = count_matrix_programs(size.width, card.multiprocessors - attention)
    return MegakernelShape(card.multiprocessors, matrix_programs, tile, stages, max(16, 4096 // size.head_dim), 9)


def megakernel_fits(shape: MegakernelShape, size: MegakernelSize, card: Card) -> bool:
    """All programs run at the same time, and tiles under way lie in shared memory."""
    fits = shape.tile * size.width * size.weight_bytes * shape.stages <= card.smem_bytes
    return fits and shape.matrix_programs < shape.programs <= card.multiprocessors


MEGAKERNEL = KernelFamily("megakernel", megakernel_rule, megakernel_candidates, megakernel_fits)


def count_matrix_programs(width: int, most: int) -> int:
    """As many as have rows of every matrix. One without could fall behind unnoticed, and wait for words that others,
    who need nothing from it, have written over."""
    while True:
        busy = min(triton.cdiv(outputs, triton.cdiv(outputs, most)) for outputs in (width, 4 * width))
        if busy == most:
            return most
        most = busy


def chunk_width(width: int) -> int:
    """Numbers that one thread each waits for: the largest power of two up to 256 in the width."""
    return min(256, width & -width)


class PersistentStep:
    """Steps 1 to 3 of `StepRunner.run_steps` without the lengths, for the one row of `state`."""

    def __init__(
        self,
        weights: DecoderWeights,
        cache: PagedCache,
        state: DecodeState,
        logits: torch.Tensor,
        shape: MegakernelShape | None = None,
    ) -> None:
        """logits: float32 [1, V], where they go."""
        assert state.rows.tokens.shape[0] == 1, f"{state.rows.tokens.shape[0]} rows"
        self._weights, self._cache, self._state, self._logits = weights, cache, state, logits
        device, width = weights.device, weights.width
        size = MegakernelSize(width, weights.heads, weights.head_dim, weights.layers[0].qkv_weight.element_size())
        self._shape = shape or MEGAKERNEL.choose(size, device)
        self._mailbox = torch.zeros(10, width, dtype=torch.int64, device=device)
        self._epoch = torch.ones(1, dtype=torch.int32, device=device)
        self._streams = torch.zeros(2, width, device=device)
        self._base = weights.layers[0].qkv_weight
        self._matrix_offsets = torch.tensor([_matrix_offsets(layer, self._base) for layer in weights.layers]).to(device)
        self._scales = torch.stack([_stack_scales(layer) for layer in weights.layers]) if weights.quantized else None
        self._vectors = torch.stack([_stack_vectors(layer) for layer in weights.layers])

    def __call__(self) -> torch.Tensor:
        layers, tiles = len(self._weights.layers), self._tile_counts()
        items = sum(tiles)
        if self._weights.device.type == "cuda":
            self._launch((0, layers * items), (0, layers), True)
            return self._logits
        for layer in range(layers):
            first = layer * items
            for matrix, count in enumerate(tiles):
                self._launch((first, first + count), (0, 0), False)
                first += count
                if matrix == 0:
                    self._launch((first, first), (layer, layer + 1), False)
        self._launch((layers * items, layers * items), (0, 0), True)
        return self._logits

    def _per_program(self, outputs: int) -> int:
        """Most outputs of a program."""
        return triton.cdiv(outputs, self._shape.matrix_programs)

    def _tile_counts(self) -> tuple[int, int, int, int]:
        """A program's tiles of qkv, out, fc and proj."""
        d, tile = self._weights.width, self._shape.tile
        each, each_fc = self._per_program(d), self._per_program(4 * d)
        out, fc, proj = (triton.cdiv(rows, tile) for rows in (each, each_fc, 4 * each))
        return 3 * out, out, fc, proj

    def _launch(self, items: tuple[int, int], layers: tuple[int, int], head: bool) -> None:
        weights, state, cache, shape = self._weights, self._state, self._cache, self._shape
        width, chunk, waits = weights.width, chunk_width(weights.width), weights.device.type == "cuda"
        count, tiles = width // chunk, self._tile_counts()
        *first, (gain, shift, eps) = weights.final_norms
        first_gain, first_shift, first_eps = first[0] if first else (gain, shift, eps)
        qkv, out, fc, proj = tiles

        def wait_ptx(blocks: int, stride: int, pack: int) -> tuple[str, str, int] | None:
            return mailbox_wait_ptx(blocks, stride, pack) if waits else None

        decode_megakernel[(shape.programs,)](
            state.rows.tokens, state.lanes.steps, state.rows.lengths, state.rows.block_tables, weights.token_embedding,
            weights.position_embedding, self._base, self._matrix_offsets, self._vectors, self._scales,
            weights.head_weight, weights.head_bias, first_gain, first_shift, gain, shift, first_eps, eps, weights.eps,
            cache.keys, cache.values, self._mailbox, self._streams, self._logits, self._epoch, *items, *layers,
            len(weights.layers), cache.keys.stride(0), state.rows.block_tables.shape[1], weights.first_position,
            weights.position_embedding.shape[0] - 1, weights.head_dim**-0.5, weights.vocabulary, shape.matrix_programs,
            A=shape.tile // 4, K=width, COUNT=count, CHUNK=chunk, EACH_D=self._per_program(width),
            EACH_FC=self._per_program(4 * width), EACH_V=self._per_program(weights.vocabulary), QKV=qkv, OUT=out, FC=fc,
            PROJ=proj, MOST=max(tiles), NORMS=len(weights.final_norms), HEADS=weights.heads, WIDTH=weights.head_dim,
            PAGE=cache.page_size, TOKENS=shape.tokens, RESIDENT=shape.resident, STAGES=shape.stages, HEAD=head,
            HALF=weights.dtype is torch.float16, PTX=waits and weights.quantized, WAIT=wait_ptx(count, chunk, 1),
            WAIT_4=wait_ptx(count, chunk, 4), WAIT_1=wait_ptx(1, width, 1), WAIT_2=wait_ptx(2, width, 1),
            num_warps=max(1, chunk // 32),
            **({"launch_cooperative_grid": True} if waits else {}),
        )  # fmt: skip
        if not waits:
            self._streams[0].copy_(self._streams[1])


def _layer_matrices(layer: LayerWeights) -> tuple[torch.Tensor, ...]:
    return layer.qkv_weight, layer.out_weight, layer.fc_weight, layer.proj_weight


def _stack_scales(layer: LayerWeights) -> torch.Tensor:
    """A layer's scales one after the other, float32 [SCALES * D]."""
    return torch.cat([getattr(layer, f"{name}_scales") for name in MATRICES])


def _matrix_offsets(layer: LayerWeights, base: torch.Tensor) -> list[int]:
    """Where a layer's matrices lie, in elements from `base`."""
    return [(matrix.data_ptr() - base.data_ptr()) // base.element_size() for matrix in _layer_matrices(layer)]


def _stack_vectors(layer: LayerWeights) -> torch.Tensor:
    """A layer's vectors one after the other, float32 [VECTORS * D]."""
    norms = (layer.ln_1_weight, layer.ln_1_bias, layer.ln_2_weight, layer.ln_2_bias)
    return torch.cat([v.float() for v in (*norms, layer.qkv_bias, layer.out_bias, layer.fc_bias, layer.proj_bias)])

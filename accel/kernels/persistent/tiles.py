"""Tiles of the megakernel: where a program's rows lie, products, norms. int8_weights.py says how 8 bits are converted.

Dimensions: D width (K in kernels), chunks of D, A * 4 rows of a tile.
"""

import triton
import triton.language as tl

from ..linear.int8_weights import convert_chunks

VECTORS = tl.constexpr(13)
"""A layer's vectors, by D: gain and shift of the first norm, of the second; qkv's bias, out's, fc's, proj's."""


FIRST_BIAS = tl.constexpr(4)
"""Of these, that are no biases."""

SCALES = tl.constexpr(9)
"""A layer's scales of weights in 8 bits, by D: qkv's, out's, fc's, proj's."""


@triton.jit
def broadcast_like(numbers, w, COUNT: tl.constexpr):
    """Chunks [chunk], or [4, chunk] of four vectors, for all rows of tile w: [A, 4, chunk], laid out as w."""
    chunks = ()
    for c in tl.static_range(COUNT):
        # Nothing of the tile, but its layout: the compiler would choose another, and change it at every use.
        chunks += (numbers[c].to(w[c].dtype) + w[c] * 0.0,)
    return chunks


@triton.jit
def load_vector_chunks(base, COUNT: tl.constexpr, CHUNK: tl.constexpr):
    """A vector [D] in chunks, float32."""
    found = ()
    for c in tl.static_range(COUNT):
        found += (tl.load(base + c * CHUNK + tl.arange(0, CHUNK)).to(tl.float32),)
    return found


@triton.jit
def _add_pairs(a, b, c, d):
    return a + c, b + d


@triton.jit
def normalize_stream(x, gain, shift, eps, K: tl.constexpr, COUNT: tl.constexpr):
    """LayerNorm of a stream in chunks."""
    total = x[0]
    squares = x[0] * x[0]
    for c in tl.static_range(1, COUNT):
        total += x[c]
        squares += x[c] * x[c]
    total, squares = tl.reduce((total, squares), axis=0, combine_fn=_add_pairs)
    mean = total / K
    scale = tl.rsqrt(tl.maximum(squares / K - mean * mean, 0.0) + eps)
    y = ()
    for c in tl.static_range(COUNT):
        y += ((x[c] - mean) * (scale * gain[c]) + shift[c],)
    return y


@triton.jit
def multiply_tile(w, y, COUNT: tl.constexpr, HALF: tl.constexpr):
    """Rows [A, 4] of a tile times their vectors. In half precision so are the products and sums over chunks."""
    if HALF:
        acc = w[0] * y[0]
        for c in tl.static_range(1, COUNT):
            acc += w[c] * y[c]
    else:
        acc = w[0].to(tl.float32) * y[0].to(tl.float32)
        for c in tl.static_range(1, COUNT):
            acc += w[c].to(tl.float32) * y[c].to(tl.float32)
    return tl.sum(acc.to(tl.float32), axis=2)


@triton.jit
def convert_tile(w, scales, dtype: tl.constexpr, COUNT: tl.constexpr, PTX: tl.constexpr):
    """A tile of 8 bits as numbers of `dtype`; any other, without scales, as it is."""
    if scales is not None:
        w = convert_chunks(w, dtype, COUNT, PTX)
    return w


@triton.jit
def load_tile(weight, row, inside, K: tl.constexpr, COUNT: tl.constexpr, CHUNK: tl.constexpr):
    """Rows [A, 4] of a matrix in chunks [A, 4, chunk]."""
    first = weight + (row[:, :, None] * K + tl.arange(0, CHUNK)[None, None, :])
    w = ()
    for c in tl.static_range(COUNT):
        w += (tl.load(first + c * CHUNK, mask=inside[:, :, None], other=0.0),)
    return w


@triton.jit
def embed_token(tokens, steps, token_embedding, position_embedding, first_position, last_position, K: tl.constexpr,
                COUNT: tl.constexpr, CHUNK: tl.constexpr):  # fmt: skip
    """The last token and its place, in chunks."""
    position = tl.minimum(tl.load(steps) + first_position - 1, last_position)
    what = load_vector_chunks(token_embedding + tl.load(tokens) * K, COUNT, CHUNK)
    return add_chunks(what, load_vector_chunks(position_embedding + position * K, COUNT, CHUNK), COUNT)


@triton.jit
def add_chunks(x, y, COUNT: tl.constexpr):
    """Two vectors' sum, in chunks."""
    both = ()
    for c in tl.static_range(COUNT):
        both += (x[c] + y[c],)
    return both


@triton.jit
def store_stream(x, stream, COUNT: tl.constexpr, CHUNK: tl.constexpr):
    """Keep a stream for the launch that follows."""
    for c in tl.static_range(COUNT):
        tl.store(stream + c * CHUNK + tl.arange(0, CHUNK), x[c])


@triton.jit
def select_by_matrix(kind, qkv, out, fc, proj):
    """The one of four numbers that belongs to a matrix."""
    return tl.where(kind == 0, qkv, tl.where(kind == 1, out, tl.where(kind == 2, fc, proj)))


@triton.jit
def work_item(i, QKV: tl.constexpr, OUT: tl.constexpr, FC: tl.constexpr, PROJ: tl.constexpr):
    """Layer, matrix (0 qkv, 1 out, 2 fc, 3 proj) and tile of a program's i-th. QKV …: tiles of each."""
    layer = i // (QKV + OUT + FC + PROJ)
    item = i - layer * (QKV + OUT + FC + PROJ)
    kind = (item >= QKV).to(tl.int32) + (item >= QKV + OUT).to(tl.int32) + (item >= QKV + OUT + FC).to(tl.int32)
    return layer, kind, item - select_by_matrix(kind, 0, QKV, QKV + OUT, QKV + OUT + FC)


@triton.jit
def tile_rows(program, kind, tile, A: tl.constexpr, K: tl.constexpr, EACH_D: tl.constexpr, EACH_FC: tl.constexpr,
              OUT: tl.constexpr):  # fmt: skip
    """A tile's rows [A, 4], and which of them are there and the program's own. Of qkv first come all those of queries,
    which are needed first, then keys and values."""
    third = tl.where(kind == 0, tile // OUT, 0)
    outputs = select_by_matrix(kind, EACH_D, EACH_D, EACH_FC, EACH_D * 4)
    own = (tile - third * OUT) * (4 * A) + tl.arange(0, A)[:, None] * 4 + tl.arange(0, 4)[None, :]
    row = program * outputs + own
    return third * K + row, row < tl.minimum(program * outputs + outputs, select_by_matrix(kind, K, K, 4 * K, 4 * K))


@triton.jit
def load_biases(vector, program, kind, A: tl.constexpr, K: tl.constexpr, EACH_D: tl.constexpr, EACH_FC: tl.constexpr,
                OUT: tl.constexpr, TILES: tl.constexpr):  # fmt: skip
    """A phase's biases [A, 4], tile by tile."""
    first = select_by_matrix(kind, 4 * K, 7 * K, 8 * K, 12 * K)
    found = ()
    for t in tl.static_range(TILES):
        row, inside = tile_rows(program, kind, t, A, K, EACH_D, EACH_FC, OUT)
        n = tl.where(kind == 3, row // 4, row)
        found += (tl.load(vector + first + n, mask=inside, other=0.0),)
    return found

"""Vectors of a multiple of 16 elements as a few power-of-two chunks, each as wide as the program's warps read best.

Loads go through the L1 cache: the programs of one multiprocessor read the same vector (pdl.py says why they may).

Dimensions: K elements.
"""

import itertools

import triton
import triton.language as tl


def chunk_widths(length: int, warps: int, lane: int = 8) -> tuple[int, ...]:
    """Chunks of a vector, widest first. lane: elements that a thread has of each."""
    assert length % 16 == 0, f"{length} elements, expected a multiple of 16"
    widths, left = [], length
    while left > 0:
        width = 32 * warps * lane
        while width > left:
            width //= 2
        widths.append(width)
        left -= width
    return tuple(widths)


def chunk_starts(widths: tuple[int, ...]) -> tuple[int, ...]:
    """Where each chunk begins."""
    return tuple(itertools.accumulate(widths[:-1], initial=0))


@triton.jit
def load_chunk(base, first, WIDTH: tl.constexpr):
    """Elements first … first + WIDTH - 1 of a vector."""
    return tl.load(base + (first + tl.arange(0, WIDTH)))


@triton.jit
def load_chunks(base, WIDTHS: tl.constexpr, STARTS: tl.constexpr, COUNT: tl.constexpr):
    """A vector [K] as a tuple of chunks."""
    chunks = ()
    for c in tl.static_range(COUNT):
        chunks += (load_chunk(base, STARTS[c], WIDTHS[c]),)
    return chunks


@triton.jit
def sum_chunks(chunks, WIDTHS: tl.constexpr, COUNT: tl.constexpr):
    """Chunks [.., W] summed over all their elements, float32: equally wide ones meet, in their own precision, before
    they are summed across threads."""
    acc = chunks[0]
    found = tl.zeros(acc.shape[:-1], tl.float32)
    for c in tl.static_range(1, COUNT):
        if WIDTHS[c] == WIDTHS[c - 1]:
            acc += chunks[c]
        else:
            found += tl.sum(acc.to(tl.float32), axis=-1)
            acc = chunks[c]
    return found + tl.sum(acc.to(tl.float32), axis=-1)


@triton.jit
def normalize_chunks(x, gains, shifts, eps, K: tl.constexpr, WIDTHS: tl.constexpr, STARTS: tl.constexpr,
                     COUNT: tl.constexpr):  # fmt: skip
    """LayerNorm of a vector [K] in chunks."""
    mean = sum_chunks(x, WIDTHS, COUNT) / K
    centered = ()
    squares = ()
    for c in tl.static_range(COUNT):
        away = x[c] - mean
        centered += (away,)
        squares += (away * away,)
    scale = tl.rsqrt(sum_chunks(squares, WIDTHS, COUNT) / K + eps)
    gain = load_chunks(gains, WIDTHS, STARTS, COUNT)
    shift = load_chunks(shifts, WIDTHS, STARTS, COUNT)
    y = ()
    for c in tl.static_range(COUNT):
        y += (centered[c] * scale * gain[c].to(tl.float32) + shift[c].to(tl.float32),)
    return y

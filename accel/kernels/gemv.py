"""Linear layers of a few rows, as streams of weights: every program has its weights on the way before it looks at x.

Dimensions: R rows (1 to 4), K inputs, N outputs, J outputs of one program, H heads, W head width, P parts.
One kernel is [LayerNorm, once or twice | attention's parts combined] + matrix + bias [+ GELU] [+ residual].
Sums are float32. Weights [N, K] row-major; x float32 (the residual stream) or of the weights' dtype.
"""

# Triton unrolls tuples that grow; a type checker sees them empty.
# mypy: disable-error-code="assignment, misc"

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch.nn import functional

from .overlap import launch_options, ready

MOST_ROWS = 4
CHUNK = 256
"""Inputs that a warp reads with one wide load of half precision a lane."""
LONG = 4096
"""Inputs from which four warps share each row."""

Norm = tuple[torch.Tensor, torch.Tensor, float]
"""Weight [K], bias [K] and eps of a LayerNorm."""


@triton.jit
def tanh_gelu(x):
    """GELU's tanh approximation, x * sigmoid(2 u)."""
    u = 0.7978845608028654 * (x + 0.044715 * x * x * x)
    return x / (1.0 + tl.exp(-2.0 * u))


@triton.jit
def normalised(x, gain, shift, eps, inside, K: tl.constexpr):
    """LayerNorm of a vector that is 0 outside."""
    mean = tl.sum(x, axis=0) / K
    centred = tl.where(inside, x - mean, 0.0)
    variance = tl.sum(centred * centred, axis=0) / K
    return centred * tl.rsqrt(variance + eps) * gain + shift


@triton.jit
def _vector(base, K: tl.constexpr, CHUNK: tl.constexpr, CHUNKS: tl.constexpr):
    """A vector [K] as a tuple of chunks."""
    k = tl.arange(0, CHUNK)
    chunks = ()
    for c in tl.static_range(CHUNKS):
        if CHUNK * CHUNKS == K:
            chunks += (tl.load(base + c * CHUNK + k, cache_modifier=".cg"),)
        else:
            chunks += (tl.load(base + c * CHUNK + k, mask=c * CHUNK + k < K, other=0.0, cache_modifier=".cg"),)
    return chunks


@triton.jit
def _normalised_chunks(x, gain, shift, eps, K: tl.constexpr, CHUNK: tl.constexpr, CHUNKS: tl.constexpr):
    """LayerNorm of a vector in chunks that is 0 past K."""
    total = x[0]
    for c in tl.static_range(1, CHUNKS):
        total += x[c]
    mean = tl.sum(total, axis=0) / K
    squares = tl.zeros([CHUNK], tl.float32)
    for c in tl.static_range(CHUNKS):
        centred = tl.where(c * CHUNK + tl.arange(0, CHUNK) < K, x[c] - mean, 0.0)
        squares += centred * centred
    scale = tl.rsqrt(tl.sum(squares, axis=0) / K + eps)
    y = ()
    for c in tl.static_range(CHUNKS):
        y += ((x[c] - mean) * scale * gain[c].to(tl.float32) + shift[c].to(tl.float32),)
    return y


@triton.jit
def _combined(parts, masses, row, first, HEADS: tl.constexpr, WIDTH: tl.constexpr, PARTS: tl.constexpr,
              SLOTS: tl.constexpr):  # fmt: skip
    """Heads first … first + SLOTS - 1 of one row's attention out of its parts: [SLOTS * W]."""
    h = first + tl.arange(0, SLOTS)[:, None]
    d = tl.arange(0, WIDTH)[None, :]
    top = tl.full([SLOTS, 1], -1e30, tl.float32)
    total = tl.zeros([SLOTS, 1], tl.float32)
    acc = tl.zeros([SLOTS, WIDTH], tl.float32)
    for p in tl.static_range(PARTS):
        flat = (row * PARTS + p) * HEADS + h
        mass = tl.load(masses + flat, mask=h < HEADS, other=-1e30, cache_modifier=".cg")
        part = tl.load(parts + flat * WIDTH + d, mask=h < HEADS, other=0.0, cache_modifier=".cg")
        higher = tl.maximum(top, mass)
        shrink, weight = tl.exp(top - higher), tl.exp(mass - higher)
        acc = acc * shrink + weight * part
        total = total * shrink + weight
        top = higher
    return tl.reshape(acc / total, [SLOTS * WIDTH])


@triton.jit
def _gemv(x, masses, weight, bias, residual, out, gain, shift, gain_2, shift_2, eps, eps_2, outputs,
          K: tl.constexpr, CHUNK: tl.constexpr, CHUNKS: tl.constexpr, J: tl.constexpr, ROWS: tl.constexpr,
          SLOTS: tl.constexpr, NORMS: tl.constexpr, PARTS: tl.constexpr, HEADS: tl.constexpr, WIDTH: tl.constexpr,
          GELU: tl.constexpr, RESIDUAL: tl.constexpr, OVERLAP: tl.constexpr):  # fmt: skip
    n = tl.program_id(0) * J + tl.arange(0, J)
    k = tl.arange(0, CHUNK)
    # Rows of weights past the last are read again instead of masked.
    lines = weight + tl.minimum(n, outputs - 1)[:, None].to(tl.int64) * K + k[None, :]
    w = ()
    for c in tl.static_range(CHUNKS):
        if CHUNK * CHUNKS == K:
            w += (tl.load(lines + c * CHUNK),)
        else:
            w += (tl.load(lines + c * CHUNK, mask=(c * CHUNK + k < K)[None, :], other=0.0),)
    b = tl.load(bias + n, mask=n < outputs, other=0.0).to(tl.float32)
    if NORMS > 0:
        g, s = _vector(gain, K, CHUNK, CHUNKS), _vector(shift, K, CHUNK, CHUNKS)
    ready(OVERLAP)
    slot = tl.arange(0, SLOTS)[:, None]
    y = tl.zeros([SLOTS, J], tl.float32)
    at = slot * outputs + n[None, :]
    written = (slot < ROWS) & (n < outputs)[None, :]
    if RESIDUAL:
        y = tl.load(residual + at, mask=written, other=0.0, cache_modifier=".cg")
    y += b[None, :]
    for r in tl.static_range(ROWS):
        row = ()
        if PARTS > 0:
            for c in tl.static_range(CHUNKS):
                row += (_combined(x, masses, r, c * CHUNK // WIDTH, HEADS, WIDTH, PARTS, CHUNK // WIDTH),)
        else:
            for each in tl.static_range(CHUNKS):
                if CHUNK * CHUNKS == K:
                    chunk = tl.load(x + r * K + each * CHUNK + k, cache_modifier=".cg")
                else:
                    inside = each * CHUNK + k < K
                    chunk = tl.load(x + r * K + each * CHUNK + k, mask=inside, other=0.0, cache_modifier=".cg")
                row += (chunk.to(tl.float32),)
        if NORMS > 0:
            row = _normalised_chunks(row, g, s, eps, K, CHUNK, CHUNKS)
        if NORMS > 1:
            if CHUNK * CHUNKS != K:
                row = (tl.where(k < K, row[0], 0.0),)
            g_2, s_2 = _vector(gain_2, K, CHUNK, CHUNKS), _vector(shift_2, K, CHUNK, CHUNKS)
            row = _normalised_chunks(row, g_2, s_2, eps_2, K, CHUNK, CHUNKS)
        products = w[0].to(tl.float32) * row[0][None, :]
        for c in tl.static_range(1, CHUNKS):
            products += w[c].to(tl.float32) * row[c][None, :]
        y += tl.where(slot == r, tl.sum(products, axis=1)[None, :], 0.0)
    if GELU:
        y = tanh_gelu(y)
    tl.store(out + at, y.to(out.dtype.element_ty), mask=written)


@dataclass(frozen=True)
class Shape:
    """outputs: of one program. warps: that share them; sums cross warps only where a chunk of K is wider than CHUNK."""

    outputs: int
    warps: int


def shape_for(inputs: int, outputs: int, rows: int) -> Shape:
    """As many weights as fit registers beside the rows' activations: two long rows, or one or two short ones a warp."""
    if inputs >= LONG:
        return Shape(2, 4)
    return Shape(8 if rows == 1 and outputs > 2048 else 4, 4)


def gemv(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    out: torch.Tensor,
    *,
    norms: tuple[Norm, ...] = (),
    masses: torch.Tensor | None = None,
    gelu: bool = False,
    residual: torch.Tensor | None = None,
    shape: Shape | None = None,
) -> torch.Tensor:
    """out [R, N] = (norms of) x [R, K] times weight [N, K], transposed, + bias, [GELU], + residual float32 [R, N].

    norms: none, one or two, applied in order. masses: x is attention's parts float32 [R, P, H, W] with log-masses
    float32 [R, P, H] (paged_attention.py), K = H * W. out may be the residual itself; GELU and a residual exclude
    each other. All contiguous.
    """
    outputs, inputs = weight.shape
    rows = x.shape[0]
    assert 1 <= rows <= MOST_ROWS and len(norms) <= 2, f"{rows} rows, {len(norms)} norms"
    assert x.numel() == rows * inputs * (1 if masses is None else x.shape[1]), f"x is {tuple(x.shape)}"
    assert out.shape == (rows, outputs), f"out is {tuple(out.shape)}, expected {(rows, outputs)}"
    assert all(t.is_contiguous() for t in (x, weight, bias, out)), "all must be contiguous"
    assert not (gelu and residual is not None), "GELU of a residual is no layer"
    shape = shape or shape_for(inputs, outputs, rows)
    (gain, shift, eps), (gain_2, shift_2, eps_2) = (*norms, *[(bias, bias, 0.0)] * 2)[:2]
    parts, heads, width = x.shape[1:] if masses is not None else (0, 1, 1)
    chunk = chunk_for(inputs, width if masses is not None else 1)
    _gemv[(triton.cdiv(outputs, shape.outputs),)](
        x, x if masses is None else masses, weight, bias, out if residual is None else residual, out,
        gain, shift, gain_2, shift_2, eps, eps_2, outputs, K=inputs, CHUNK=chunk, CHUNKS=triton.cdiv(inputs, chunk),
        J=shape.outputs, ROWS=rows, SLOTS=triton.next_power_of_2(rows), NORMS=len(norms), PARTS=parts, HEADS=heads,
        WIDTH=width, GELU=gelu, RESIDUAL=residual is not None, num_warps=shape.warps, **launch_options(x.device),
    )  # fmt: skip
    return out


def chunk_for(inputs: int, head_width: int) -> int:
    """Inputs taken at once: what one warp reads best, or a single chunk with room where that does not divide them."""
    widths = (4 * CHUNK,) * (inputs >= LONG) + (CHUNK, CHUNK // 2)
    chunk = next((c for c in widths if inputs % c == 0 and c % head_width == 0), 0)
    return chunk or max(triton.next_power_of_2(inputs), triton.next_power_of_2(-(-inputs // head_width)) * head_width)


def gemv_torch(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    *,
    norms: tuple[Norm, ...] = (),
    masses: torch.Tensor | None = None,
    gelu: bool = False,
    residual: torch.Tensor | None = None,
) -> torch.Tensor:
    """The twin of `gemv`, float32 throughout."""
    x = x.float()
    if masses is not None:
        x = (x * masses.softmax(dim=1)[..., None]).sum(dim=1).flatten(1)
    for gain, shift, eps in norms:
        x = functional.layer_norm(x, x.shape[-1:], gain.float(), shift.float(), eps)
    y = functional.linear(x, weight.float(), bias.float())
    if gelu:
        y = functional.gelu(y, approximate="tanh")
    return y if residual is None else y + residual

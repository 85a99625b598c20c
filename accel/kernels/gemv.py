"""Linear layers of a few rows, as streams of weights: every program has its weights on the way before it looks at x.

Dimensions: R rows (1 to 4), K inputs, N outputs, J outputs of one program, H heads, W head width, P parts.
One kernel is [LayerNorm, once or twice | attention's parts combined] + matrix + bias [+ GELU] [+ residual].
Sums are float32. Weights [N, K] row-major; x float32 (the residual stream) or of the weights' dtype.
"""

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch.nn import functional

from .overlap import launch_options, ready

MOST_ROWS = 4

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
def _combined(parts, masses, row, HEADS: tl.constexpr, WIDTH: tl.constexpr, PARTS: tl.constexpr,
              SLOTS: tl.constexpr):  # fmt: skip
    """One row's attention out of its parts: [SLOTS * W]."""
    h = tl.arange(0, SLOTS)[:, None]
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
          K: tl.constexpr, BLOCK_K: tl.constexpr, J: tl.constexpr, ROWS: tl.constexpr, SLOTS: tl.constexpr,
          NORMS: tl.constexpr, PARTS: tl.constexpr, HEADS: tl.constexpr, WIDTH: tl.constexpr, GELU: tl.constexpr,
          RESIDUAL: tl.constexpr, EVEN: tl.constexpr, OVERLAP: tl.constexpr):  # fmt: skip
    n = tl.program_id(0) * J + tl.arange(0, J)
    k = tl.arange(0, BLOCK_K)
    inside = k < K
    here = (n < outputs)[:, None] & inside[None, :] if not EVEN else (n[:, None] >= 0) & inside[None, :]
    w = tl.load(weight + n[:, None].to(tl.int64) * K + k[None, :], mask=here, other=0.0)
    b = tl.load(bias + n, mask=n < outputs, other=0.0).to(tl.float32)
    if NORMS > 0:
        g, s = tl.load(gain + k, mask=inside, other=0.0), tl.load(shift + k, mask=inside, other=0.0)
    if NORMS > 1:
        g_2, s_2 = tl.load(gain_2 + k, mask=inside, other=0.0), tl.load(shift_2 + k, mask=inside, other=0.0)
    ready(OVERLAP)
    slot = tl.arange(0, SLOTS)[:, None]
    y = tl.zeros([SLOTS, J], tl.float32)
    at = slot * outputs + n[None, :]
    written = (slot < ROWS) & (n < outputs)[None, :]
    if RESIDUAL:
        y = tl.load(residual + at, mask=written, other=0.0, cache_modifier=".cg")
    y += b[None, :]
    for r in tl.static_range(ROWS):
        if PARTS > 0:
            row = _combined(x, masses, r, HEADS, WIDTH, PARTS, BLOCK_K // WIDTH)
        else:
            row = tl.load(x + r * K + k, mask=inside, other=0.0, cache_modifier=".cg").to(tl.float32)
        if NORMS > 0:
            row = normalised(row, g.to(tl.float32), s.to(tl.float32), eps, inside, K)
        if NORMS > 1:
            row = normalised(row, g_2.to(tl.float32), s_2.to(tl.float32), eps_2, inside, K)
        sums = tl.sum(w.to(tl.float32) * row[None, :], axis=1)
        y += tl.where(slot == r, sums[None, :], 0.0)
    if GELU:
        y = tanh_gelu(y)
    tl.store(out + at, y.to(out.dtype.element_ty), mask=written)


@dataclass(frozen=True)
class Shape:
    """outputs: of one program. warps: that share each row of weights."""

    outputs: int
    warps: int


def shape_for(inputs: int, outputs: int) -> Shape:
    """Long rows one by one; of short ones, two or four for each program, as the matrix has many."""
    if inputs > 2048:
        return Shape(1, 2)
    return Shape(4 if outputs > 2048 else 2, 1)


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
    shape = shape or shape_for(inputs, outputs)
    (gain, shift, eps), (gain_2, shift_2, eps_2) = (*norms, *[(bias, bias, 0.0)] * 2)[:2]
    parts, heads, width = x.shape[1:] if masses is not None else (0, 1, 1)
    block = heads_block(heads, width) if masses is not None else triton.next_power_of_2(inputs)
    _gemv[(triton.cdiv(outputs, shape.outputs),)](
        x, x if masses is None else masses, weight, bias, out if residual is None else residual, out,
        gain, shift, gain_2, shift_2, eps, eps_2, outputs, K=inputs, BLOCK_K=block, J=shape.outputs, ROWS=rows,
        SLOTS=triton.next_power_of_2(rows), NORMS=len(norms), PARTS=parts, HEADS=heads, WIDTH=width, GELU=gelu,
        RESIDUAL=residual is not None, EVEN=outputs % shape.outputs == 0, num_warps=shape.warps,
        **launch_options(x.device),
    )  # fmt: skip
    return out


def heads_block(heads: int, width: int) -> int:
    """Room for all heads, a power of two of them."""
    return triton.next_power_of_2(heads) * width


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

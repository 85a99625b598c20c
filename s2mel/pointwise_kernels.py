"""Triton kernels for the steps between matrix products; each wrapper's torch twin is in `torch_ops`.

Rows are tokens. A row is read whole by one program, in float32, and written once.
Dimensions: N tokens, D width, H heads, E head width.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _affine_norm_kernel(stream, delta, table, summed, normed, eps, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
                        ADD: tl.constexpr, KEEP: tl.constexpr, CENTER: tl.constexpr):  # fmt: skip
    row = tl.program_id(0) * WIDTH
    column = tl.arange(0, BLOCK)
    inside = column < WIDTH
    x = tl.load(stream + row + column, mask=inside, other=0.0).to(tl.float32)
    if ADD:
        x += tl.load(delta + row + column, mask=inside, other=0.0).to(tl.float32)
    if KEEP:
        tl.store(summed + row + column, x, mask=inside)
    if CENTER:
        x = tl.where(inside, x - tl.sum(x, 0) / WIDTH, 0.0)
    x = x * tl.rsqrt(tl.sum(x * x, 0) / WIDTH + eps)
    scale = tl.load(table + column, mask=inside, other=0.0)
    shift = tl.load(table + WIDTH + column, mask=inside, other=0.0)
    tl.store(normed + row + column, (x * scale + shift).to(normed.dtype.element_ty), mask=inside)


@triton.jit
def _residual_cat_kernel(stream, delta, skip, out, WIDTH: tl.constexpr, BLOCK: tl.constexpr, ADD: tl.constexpr):
    row = tl.program_id(0)
    column = tl.arange(0, BLOCK)
    inside = column < WIDTH
    x = tl.load(stream + row * WIDTH + column, mask=inside).to(tl.float32)
    if ADD:
        x += tl.load(delta + row * WIDTH + column, mask=inside).to(tl.float32)
    second = tl.load(skip + row * WIDTH + column, mask=inside)
    tl.store(out + row * 2 * WIDTH + column, x.to(out.dtype.element_ty), mask=inside)
    tl.store(out + (row * 2 + 1) * WIDTH + column, second.to(out.dtype.element_ty), mask=inside)


@triton.jit
def _residual_add_kernel(stream, delta, summed, rounded, WIDTH: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0) * WIDTH
    column = tl.arange(0, BLOCK)
    inside = column < WIDTH
    x = tl.load(stream + row + column, mask=inside).to(tl.float32)
    x += tl.load(delta + row + column, mask=inside).to(tl.float32)
    tl.store(summed + row + column, x, mask=inside)
    tl.store(rounded + row + column, x.to(rounded.dtype.element_ty), mask=inside)


@triton.jit
def _apply_rotary_kernel(qkv, cosine, sine, WIDTH: tl.constexpr, PAIRS: tl.constexpr, BLOCK: tl.constexpr):
    token = tl.program_id(0)
    row = token * 3 * WIDTH
    column = tl.arange(0, BLOCK)
    inside = column < 2 * WIDTH
    even, odd = tl.split(tl.reshape(tl.load(qkv + row + column, mask=inside, other=0.0), [BLOCK // 2, 2]))
    even, odd = even.to(tl.float32), odd.to(tl.float32)
    pair = token * PAIRS + tl.arange(0, BLOCK // 2) % PAIRS
    c, s = tl.load(cosine + pair), tl.load(sine + pair)
    turned = tl.reshape(tl.join(even * c - odd * s, odd * c + even * s), [BLOCK])
    tl.store(qkv + row + column, turned.to(qkv.dtype.element_ty), mask=inside)


@triton.jit
def _swiglu_kernel(x, out, WIDTH: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < WIDTH
    gate = tl.load(x + row * 2 * WIDTH + column, mask=inside, other=0.0).to(tl.float32)
    value = tl.load(x + (row * 2 + 1) * WIDTH + column, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + row * WIDTH + column, (gate * tl.sigmoid(gate) * value).to(out.dtype.element_ty), mask=inside)


def residual_norm(
    stream: Tensor, delta: Tensor | None, table: Tensor, eps: float, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """As `residual_norm_torch`: one read of both, the sum and its norm written."""
    rows, width = _check_rows(stream, delta, table)
    normed = torch.empty_like(stream, dtype=dtype)
    keep = delta is not None or stream.dtype is not torch.float32
    summed = torch.empty_like(stream, dtype=torch.float32) if keep else stream
    _affine_norm_kernel[(rows,)](
        stream, stream if delta is None else delta, table, summed, normed, eps, WIDTH=width,
        BLOCK=triton.next_power_of_2(width), ADD=delta is not None, KEEP=keep, CENTER=False, num_warps=4,
    )  # fmt: skip
    return summed, normed


def modulated_norm(x: Tensor, table: Tensor, eps: float, dtype: torch.dtype) -> Tensor:
    """As `modulated_norm_torch`."""
    rows, width = _check_rows(x, None, table)
    normed = torch.empty_like(x, dtype=dtype)
    _affine_norm_kernel[(rows,)](
        x, x, table, normed, normed, eps,
        WIDTH=width, BLOCK=triton.next_power_of_2(width), ADD=False, KEEP=False, CENTER=True, num_warps=4,
    )  # fmt: skip
    return normed


def residual_cat(stream: Tensor, delta: Tensor | None, skip: Tensor, dtype: torch.dtype) -> Tensor:
    """As `residual_cat_torch`."""
    rows, width = _check_rows(stream, delta)
    _check_rows(skip)
    out = torch.empty(rows, 2 * width, dtype=dtype, device=stream.device)
    _residual_cat_kernel[(rows,)](
        stream, stream if delta is None else delta, skip, out,
        WIDTH=width, BLOCK=triton.next_power_of_2(width), ADD=delta is not None, num_warps=2,
    )  # fmt: skip
    return out


def residual_add(stream: Tensor, delta: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """As `residual_add_torch`."""
    rows, width = _check_rows(stream, delta)
    summed, rounded = torch.empty_like(stream), torch.empty_like(stream, dtype=dtype)
    _residual_add_kernel[(rows,)](
        stream, delta, summed, rounded, WIDTH=width, BLOCK=triton.next_power_of_2(width), num_warps=2
    )  # fmt: skip
    return summed, rounded


def apply_rotary(qkv: Tensor, cosine: Tensor, sine: Tensor, heads: int) -> Tensor:
    """As `apply_rotary_torch`, but in place."""
    rows, width = _check_rows(qkv)
    pairs = width // 3 // heads // 2
    assert cosine.shape == sine.shape == (rows, pairs), f"rotations {tuple(cosine.shape)}, expected {(rows, pairs)}"
    assert cosine.is_contiguous() and sine.is_contiguous(), "rotations must be contiguous"
    _apply_rotary_kernel[(rows,)](
        qkv, cosine, sine, WIDTH=width // 3, PAIRS=pairs, BLOCK=triton.next_power_of_2(2 * width // 3), num_warps=2
    )
    return qkv.view(rows, 3, heads, 2 * pairs)


def swiglu(x: Tensor) -> Tensor:
    """As `swiglu_torch`."""
    rows, width = _check_rows(x)
    out = x.new_empty(rows, width // 2)
    block = min(1024, triton.next_power_of_2(width // 2))
    _swiglu_kernel[(rows, triton.cdiv(width // 2, block))](x, out, WIDTH=width // 2, BLOCK=block, num_warps=4)
    return out


def _check_rows(x: Tensor, same: Tensor | None = None, table: Tensor | None = None) -> tuple[int, int]:
    """Rows and width of contiguous x [N, D]; `same` must have its shape, `table` be float32 [2, D]."""
    assert x.dim() == 2 and x.is_contiguous(), f"got shape {tuple(x.shape)}, strides {x.stride()}"
    assert same is None or (same.shape == x.shape and same.is_contiguous()), "both addends must be alike"
    if table is not None:
        assert table.shape == (2, x.shape[1]) and table.is_contiguous(), f"table {tuple(table.shape)}"
        assert table.dtype is torch.float32, f"table {table.dtype}"
    return x.shape[0], x.shape[1]

"""Anti-aliased snake-beta as one Triton kernel, channels last; its torch twin is `snake_torch`.

A lane takes one channel and walks along RUN samples of it, keeping the last six inputs and the last twelve activated
values in registers, so that nothing is filtered or activated twice. Neighbouring lanes take neighbouring channels.
Pair i holds the upsampled signal at 2i - 1 and 2i: both read x[i - 3 .. i + 2]. Output t reads pairs t - 2 .. t + 3.

Dimensions: B lines, C channels, T samples.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from ...runtime.card import Card
from ...runtime.kernel_shapes import KernelFamily
from .snake import kaiser_taps


@triton.jit
def _snake_value(x, rate, inverse_beta):
    """x + sin(pi rate x)^2 / beta. The square has period one in rate x: a polynomial of what is left, within 2e-7."""
    turns = x * rate
    rest = turns - tl.floor(turns + 0.5)
    u = rest * rest
    wave = (((((-3.2729461 * u + 12.990730) * u - 30.085953) * u + 42.725384) * u - 32.469582) * u + 9.8696032) * u
    return x + inverse_beta * wave


@triton.jit
def _snake_pair(x0, x1, x2, x3, x4, x5, last, t, samples, rate, inverse_beta, F0: tl.constexpr, F1: tl.constexpr,
                F2: tl.constexpr, F3: tl.constexpr, F4: tl.constexpr, F5: tl.constexpr):  # fmt: skip
    """Pair t + 3, upsampled from x[t .. t + 5] and activated; beyond the end, `last` again."""
    odd = (2 * F1) * x0 + (2 * F3) * x1 + (2 * F5) * x2 + (2 * F4) * x3 + (2 * F2) * x4 + (2 * F0) * x5
    even = (2 * F0) * x0 + (2 * F2) * x1 + (2 * F4) * x2 + (2 * F5) * x3 + (2 * F3) * x4 + (2 * F1) * x5
    odd = tl.where(t + 2 < samples, _snake_value(odd, rate, inverse_beta), last)
    return odd, tl.where(t + 3 < samples, _snake_value(even, rate, inverse_beta), odd)


@triton.jit(do_not_specialize=["rows", "factor", "units"])
def _snake_kernel(x, alphas, inverse_betas, out, lengths, rows, factor, x_stride, out_stride, units, UNIT: tl.constexpr,
                  F0: tl.constexpr, F1: tl.constexpr, F2: tl.constexpr, F3: tl.constexpr, F4: tl.constexpr,
                  F5: tl.constexpr, RUN: tl.constexpr, LANES: tl.constexpr):  # fmt: skip
    line = tl.program_id(1)
    samples = tl.load(lengths + line) * factor
    channels = units * UNIT
    lane = tl.program_id(0) * LANES + tl.arange(0, LANES)
    channel, start = lane % channels, lane // channels * RUN
    x += line.to(tl.int64) * x_stride + channel
    out += line.to(tl.int64) * out_stride + channel
    rate, inverse_beta = tl.load(alphas + channel) * 0.3183098861837907, tl.load(inverse_betas + channel)
    mine = start < samples
    zero = tl.zeros([LANES], tl.float32)
    x1, x2, x3, x4, x5 = zero, zero, zero, zero, zero
    s2, s3, s4, s5, s6, s7, s8, s9, s10, s11 = zero, zero, zero, zero, zero, zero, zero, zero, zero, zero
    # Ten steps before the first output: five fill the inputs, five more the activated values.
    for n in tl.static_range(-10, 0):
        t = start + n
        x0, x1, x2, x3, x4 = x1, x2, x3, x4, x5
        x5 = tl.load(x + tl.minimum(tl.maximum(t + 5, 0), samples - 1) * channels, mask=mine, other=0.0).to(tl.float32)
        if n >= -5:
            odd, even = _snake_pair(x0, x1, x2, x3, x4, x5, s11, t, samples, rate, inverse_beta, F0, F1, F2, F3, F4, F5)
            s2, s3, s4, s5, s6, s7, s8, s9, s10, s11 = s4, s5, s6, s7, s8, s9, s10, s11, odd, even
    first = start == 0
    s2, s3, s4 = tl.where(first, s7, s2), tl.where(first, s7, s3), tl.where(first, s7, s4)
    s5, s6 = tl.where(first, s7, s5), tl.where(first, s7, s6)
    # After six steps both windows are back in the same registers, so that nothing is moved.
    for begin in range(0, RUN, 6):
        for n in tl.static_range(6):
            t = start + begin + n
            x0, x1, x2, x3, x4 = x1, x2, x3, x4, x5
            x5 = tl.load(x + tl.minimum(t + 5, samples - 1) * channels, mask=mine, other=0.0).to(tl.float32)
            odd, even = _snake_pair(x0, x1, x2, x3, x4, x5, s11, t, samples, rate, inverse_beta, F0, F1, F2, F3, F4, F5)
            s0, s1 = s2, s3
            s2, s3, s4, s5, s6, s7, s8, s9, s10, s11 = s4, s5, s6, s7, s8, s9, s10, s11, odd, even
            outer = F0 * (s0 + s11) + F1 * (s1 + s10) + F2 * (s2 + s9)
            y = outer + F3 * (s3 + s8) + F4 * (s4 + s7) + F5 * (s5 + s6)
            tl.store(out + t * channels, y.to(out.dtype.element_ty), mask=t < tl.minimum(samples, rows))


@dataclass(frozen=True)
class SnakeShape:
    """run: samples of a lane, a multiple of six. lanes: of a program."""

    run: int
    lanes: int
    warps: int


class SnakeSize(NamedTuple):
    half: bool


def snake_rule(size: SnakeSize, card: Card) -> SnakeShape:
    """Measured on an H200."""
    return SnakeShape(30, 512, 4)


def snake_candidates(size: SnakeSize, card: Card) -> Iterable[SnakeShape]:
    for run in (18, 30, 60):
        yield from (SnakeShape(run, lanes, warps) for lanes, warps in ((512, 4), (256, 4), (256, 2)))


SNAKE = KernelFamily("snake", snake_rule, snake_candidates)


def snake(x: Tensor, alpha: Tensor, inverse_beta: Tensor, lengths: Tensor, factor: int) -> Tensor:
    """x [B, T, C], each line's samples contiguous, to the same shape, contiguous; float32 inside.

    alpha, inverse_beta: float32 [C]. Line b has lengths[b] * factor samples (lengths int32 [B], factor samples a
    frame); it is worked as if nothing lay behind them, and nothing is written there.
    """
    lines, samples, channels = x.shape
    assert x.stride()[1:] == (channels, 1), f"got strides {x.stride()}, expected samples of {channels} channels each"
    assert alpha.shape == inverse_beta.shape == (channels,), f"got {tuple(alpha.shape)}, expected {(channels,)}"
    assert alpha.dtype is inverse_beta.dtype is torch.float32, f"got {alpha.dtype}, {inverse_beta.dtype}"
    assert lengths.shape == (lines,) and lengths.dtype is torch.int32, f"got lengths {tuple(lengths.shape)}"
    out = torch.empty(lines, samples, channels, dtype=x.dtype, device=x.device)
    shape = SNAKE.choose(SnakeSize(x.dtype in (torch.float16, torch.bfloat16)), x.device)
    lanes = triton.cdiv(samples, shape.run) * channels
    unit = 8 if channels % 8 == 0 else 1  # so that one compiled kernel, which loads in vectors, serves every stage
    _snake_kernel[(triton.cdiv(lanes, shape.lanes), lines)](
        x, alpha, inverse_beta, out, lengths, samples, factor, x.stride(0), out.stride(0), channels // unit, unit,
        *kaiser_taps()[:6], RUN=shape.run, LANES=shape.lanes, num_warps=shape.warps,
    )  # fmt: skip
    return out

"""Fused linear layers equal their torch twins, at odd sizes and in every dtype; interpreted where there is no GPU."""

import pytest
import torch

triton = pytest.importorskip("triton")
from helpers.kernels import DEVICE, DTYPES, MARKS, multiplies, normal  # noqa: E402
from indextts2_multitalk.accel.kernels.folding import fold  # noqa: E402
from indextts2_multitalk.accel.kernels.gemv import Shape, gemv, gemv_torch  # noqa: E402
from indextts2_multitalk.accel.kernels.tiles import (  # noqa: E402
    TileShape,
    residual_norm,
    residual_norm_torch,
    tiled,
    tiled_torch,
)

pytestmark = MARKS
TOLERANCE = {torch.float32: 2e-5, torch.float16: 2e-3, torch.bfloat16: 1.6e-2}


def agree(actual: torch.Tensor, expected: torch.Tensor, dtype: torch.dtype) -> None:
    assert torch.isfinite(actual).all()
    error = (actual.float() - expected.float()).abs().max() / expected.abs().max()
    assert error.item() <= TOLERANCE[dtype]


def poisoned(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.full(shape, float("nan"), dtype=dtype, device=DEVICE)


def layer(outputs: int, inputs: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    return normal(outputs, inputs, seed=1, dtype=dtype), normal(outputs, seed=2, dtype=dtype)


def norms(count: int, inputs: int, dtype: torch.dtype):
    return tuple((normal(inputs, seed=3 + i, dtype=dtype), normal(inputs, seed=5 + i, dtype=dtype), 1e-5)
                 for i in range(count))  # fmt: skip


@DTYPES
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("outputs", "inputs", "shape"),
    [(40, 48, Shape(4, 1)), (23, 130, Shape(2, 1)), (9, 300, Shape(1, 2)), (4, 4096, Shape(2, 4))],
)
def test_few_rows(dtype, rows, outputs, inputs, shape):
    x, (weight, bias) = normal(rows, inputs), layer(outputs, inputs, dtype)
    x[0] += 3
    for gelu in (False, True):
        out = gemv(x, weight, bias, poisoned(rows, outputs, dtype=dtype), shape=shape, gelu=gelu)
        agree(out, gemv_torch(x, weight, bias, gelu=gelu), dtype)
    for before in (norms(1, inputs, dtype), norms(2, inputs, dtype)):
        folded = fold(weight, bias, before)
        out = gemv(x, weight, bias, poisoned(rows, outputs, dtype=dtype), shape=shape, norm=folded)
        agree(out, gemv_torch(x, weight, bias, norms=before), dtype)


@DTYPES
def test_a_residual_is_added_in_place(dtype):
    weight, bias = layer(20, 36, dtype)
    x, residual = normal(3, 36, seed=7, dtype=dtype), normal(3, 20, seed=8)
    expected = gemv_torch(x, weight, bias, residual=residual)
    agree(gemv(x, weight, bias, residual, residual=residual), expected, torch.float32)


@DTYPES
@pytest.mark.parametrize("rows", [5, 70])
@pytest.mark.parametrize("gelu", [False, True])
def test_tiles(dtype, rows, gelu):
    multiplies(dtype)
    x, (weight, bias) = normal(rows, 96, dtype=dtype), layer(44, 96, dtype)
    shape = TileShape(outputs=16, block=32, slices=1, stages=2, warps=4)
    out = tiled(x, weight, bias, poisoned(rows, 44, dtype=dtype), gelu=gelu, shape=shape)
    agree(out, tiled_torch(x, weight, bias, gelu=gelu), dtype)


@DTYPES
@pytest.mark.parametrize(("slices", "count"), [(1, 1), (2, 2)])
def test_slices_meet_in_the_norm(dtype, slices, count):
    multiplies(dtype)
    rows, inputs, width = 6, 80, 36
    x, (weight, bias) = normal(rows, inputs, dtype=dtype), layer(width, inputs, dtype)
    residual = normal(rows, width, seed=9)
    shape = TileShape(outputs=16, block=16, slices=slices, stages=2, warps=4)
    sums = tiled(x, weight, bias, poisoned(slices, rows, width), shape=shape)
    expected, normed = residual_norm_torch(
        residual, tiled_torch(x, weight, bias)[None], 0 * bias, norms(count, width, dtype)
    )
    out = residual_norm(residual, sums, bias, norms(count, width, dtype), poisoned(rows, width, dtype=dtype))
    agree(residual, expected, dtype)
    agree(out, normed, dtype)


@DTYPES
def test_a_norm_alone_leaves_the_residual(dtype):
    x, before = normal(7, 40), normal(7, 40)
    out = residual_norm(x, None, normal(40, dtype=dtype), norms(1, 40, dtype), poisoned(7, 40, dtype=dtype))
    agree(out, residual_norm_torch(before, None, before, norms(1, 40, dtype))[1], dtype)
    assert torch.equal(x, before)

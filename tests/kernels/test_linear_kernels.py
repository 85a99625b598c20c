"""Fused linear layers equal their torch twins, at odd sizes and in every dtype; interpreted where there is no GPU."""

import pytest
import torch

triton = pytest.importorskip("triton")
from helpers.kernels import DEVICE, DTYPES, MARKS, multiplies, normal  # noqa: E402
from indextts2_multitalk.accel.kernels.linear.folded_norm import fold  # noqa: E402
from indextts2_multitalk.accel.kernels.linear.gemm import tiled, tiled_torch  # noqa: E402
from indextts2_multitalk.accel.kernels.linear.gemm_shapes import TileShape  # noqa: E402
from indextts2_multitalk.accel.kernels.linear.gemv import Shape, gemv, gemv_torch  # noqa: E402
from indextts2_multitalk.accel.kernels.linear.layer_norm import norm_rows, norm_rows_torch  # noqa: E402
from indextts2_multitalk.accel.kernels.linear.splitk_residual import Shares, Stream, add_tiled, add_tiled_torch  # noqa: E402

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
    agree(gemv(x, weight, bias, residual, residual=residual), expected, dtype)


TILES = pytest.mark.parametrize(
    "shape", [TileShape(16, 32, 1, 2, 4), TileShape(16, 32, 1, 0, 4), TileShape(64, 16, 1, 0, 2)], ids=str
)
"""Weights that stream with the rows, and such that are there before them."""


@DTYPES
@pytest.mark.parametrize(("rows", "gelu"), [(5, False), (70, True)])
@TILES
def test_tiles(dtype, rows, gelu, shape):
    multiplies(dtype)
    x, (weight, bias) = normal(rows, 96, dtype=dtype), layer(44, 96, dtype)
    out = tiled(x, weight, bias, poisoned(rows, 44, dtype=dtype), gelu=gelu, shape=shape)
    agree(out, tiled_torch(x, weight, bias, gelu=gelu), dtype)


@DTYPES
@pytest.mark.parametrize("slices", [1, 2, 5])
@pytest.mark.parametrize("rows", [6, 70])
@pytest.mark.parametrize("stages", [2, 0])
def test_the_stream_grows_and_its_next_norm_is_folded(dtype, slices, rows, stages):
    """Twice over the same buffers, which a launch leaves as it found them."""
    multiplies(dtype)
    inputs, width = (80, 36) if stages else (160, 48)  # what is held comes in whole blocks
    h, (weight, bias) = normal(rows, inputs, dtype=dtype), layer(width, inputs, dtype)
    stream = Stream(normal(rows, width, seed=9), poisoned(rows, width, dtype=dtype))
    shares = Shares.allocate(rows, weight, TileShape(16, 16, slices, stages, warps=4))
    after, bias_after = normal(44, width, seed=11, dtype=dtype), normal(44, seed=12, dtype=dtype)
    (norm,) = norms(1, width, dtype)
    folded = fold(after, bias_after, (norm,))
    for _ in range(2):
        shares.sums.fill_(float("nan"))
        shares.moments.fill_(float("nan"))
        x, scaled, moments = add_tiled_torch(stream.x, h, weight, bias, norm[0])
        add_tiled(h, weight, bias, stream, shares, norm[0])
        agree(stream.x, x, dtype)
        agree(stream.scaled, scaled, dtype)
        agree(shares.moments.sum(dim=2), moments, dtype)
        shape = TileShape(16, block=16, slices=1, stages=stages, warps=4)
        out = poisoned(rows, 44, dtype=dtype)
        tiled(stream.scaled, after, bias_after, out, norm=folded, moments=shares.moments, gelu=True, shape=shape)
        agree(out, tiled_torch(stream.x, after, bias_after, norm=norm, gelu=True), dtype)


@DTYPES
def test_a_stream_that_no_norm_follows(dtype):
    multiplies(dtype)
    h, (weight, bias) = normal(7, 48, dtype=dtype), layer(40, 48, dtype)
    stream = Stream(normal(7, 40, seed=9), poisoned(7, 40, dtype=dtype))
    x, _, _ = add_tiled_torch(stream.x, h, weight, bias, bias)
    add_tiled(h, weight, bias, stream, Shares.allocate(7, weight), None)
    agree(stream.x, x, dtype)
    assert stream.scaled.isnan().all()


@DTYPES
@pytest.mark.parametrize("count", [1, 2])
def test_norms_of_rows(dtype, count):
    x = normal(7, 40)
    out = norm_rows(x, norms(count, 40, dtype), poisoned(7, 40, dtype=dtype))
    agree(out, norm_rows_torch(x, norms(count, 40, dtype)), dtype)

"""Fused linear layers equal their torch twins, at odd sizes and in every dtype; interpreted where there is no GPU."""

import pytest
import torch

triton = pytest.importorskip("triton")
from helpers.kernels import DEVICE, DTYPES, MARKS, multiplies, normal  # noqa: E402
from indextts2_multitalk.accel.kernels.linear.folded_norm import fold_norm  # noqa: E402
from indextts2_multitalk.accel.kernels.linear.gemm import gemm, gemm_torch  # noqa: E402
from indextts2_multitalk.accel.kernels.linear.gemm_shapes import GemmShape  # noqa: E402
from indextts2_multitalk.accel.kernels.linear.gemv import GemvShape, gemv, gemv_torch  # noqa: E402
from indextts2_multitalk.accel.kernels.linear.layer_norm import layer_norm, layer_norm_torch  # noqa: E402
from indextts2_multitalk.accel.kernels.linear.splitk_residual import (  # noqa: E402
    ResidualStream,
    SplitKWorkspace,
    splitk_residual_gemm,
    splitk_residual_gemm_torch,
)
from indextts2_multitalk.accel.quantization import quantize_rows  # noqa: E402

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
    [(40, 48, GemvShape(4, 1)), (23, 144, GemvShape(2, 1)), (9, 304, GemvShape(1, 2)), (4, 4096, GemvShape(2, 4))],
)
def test_few_rows(dtype, rows, outputs, inputs, shape):
    x, (weight, bias) = normal(rows, inputs), layer(outputs, inputs, dtype)
    x[0] += 3
    for gelu in (False, True):
        out = gemv(x, weight, bias, poisoned(rows, outputs, dtype=dtype), shape=shape, gelu=gelu)
        agree(out, gemv_torch(x, weight, bias, gelu=gelu), dtype)
    for before in (norms(1, inputs, dtype), norms(2, inputs, dtype)):
        folded = fold_norm(weight, bias, before)
        out = gemv(x, weight, bias, poisoned(rows, outputs, dtype=dtype), shape=shape, norm=folded)
        agree(out, gemv_torch(x, weight, bias, norms=before), dtype)


@DTYPES
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("outputs", "inputs", "shape"),
    [(23, 144, GemvShape(2, 1)), (9, 1280, GemvShape(4, 1, 4)), (4, 4096, GemvShape(2, 4))],
)
def test_few_rows_times_8_bits(dtype, rows, outputs, inputs, shape):
    x, (weight, bias) = normal(rows, inputs), layer(outputs, inputs, dtype)
    x[0] += 3
    weight, scales = quantize_rows(weight)
    out = gemv(x, weight, bias, poisoned(rows, outputs, dtype=dtype), shape=shape, gelu=True, scales=scales)
    agree(out, gemv_torch(x, weight, bias, gelu=True, scales=scales), dtype)
    before = norms(2, inputs, dtype)
    folded = fold_norm(weight, bias, before, scales)
    out = gemv(x, weight, bias, poisoned(rows, outputs, dtype=dtype), shape=shape, norm=folded, scales=scales)
    agree(out, gemv_torch(x, weight, bias, norms=before, scales=scales), dtype)


def test_8_bits_do_not_run_over():
    """The largest weights there are, times as much of a stream as half precision holds."""
    weight, scales = quantize_rows(torch.ones(8, 1280, device=DEVICE))
    x, bias = torch.full((3, 1280), 1e4, device=DEVICE), torch.zeros(8, dtype=torch.float16, device=DEVICE)
    out = gemv(x, weight, bias, poisoned(3, 8), scales=scales)
    agree(out, gemv_torch(x, weight, bias, scales=scales), torch.float16)


@DTYPES
def test_a_residual_is_added_in_place(dtype):
    weight, bias = layer(20, 48, dtype)
    x, residual = normal(3, 48, seed=7, dtype=dtype), normal(3, 20, seed=8)
    expected = gemv_torch(x, weight, bias, residual=residual)
    agree(gemv(x, weight, bias, residual, residual=residual), expected, dtype)


TILES = pytest.mark.parametrize(
    "shape", [GemmShape(16, 32, 1, 2, 4), GemmShape(16, 32, 1, 0, 4), GemmShape(64, 16, 1, 0, 2)], ids=str
)
"""Weights that stream with the rows, and such that are there before them."""


@DTYPES
@pytest.mark.parametrize(("rows", "gelu"), [(5, False), (70, True)])
@TILES
def test_tiles(dtype, rows, gelu, shape):
    multiplies(dtype)
    x, (weight, bias) = normal(rows, 96, dtype=dtype), layer(44, 96, dtype)
    out = gemm(x, weight, bias, poisoned(rows, 44, dtype=dtype), gelu=gelu, shape=shape)
    agree(out, gemm_torch(x, weight, bias, gelu=gelu), dtype)


@DTYPES
@pytest.mark.parametrize("rows", [5, 70])
@TILES
def test_tiles_of_8_bits(dtype, rows, shape):
    multiplies(dtype)
    x, (weight, bias) = normal(rows, 96, dtype=dtype), layer(44, 96, dtype)
    weight, scales = quantize_rows(weight)
    out = gemm(x, weight, bias, poisoned(rows, 44, dtype=dtype), gelu=True, scales=scales, shape=shape)
    agree(out, gemm_torch(x, weight, bias, gelu=True, scales=scales), dtype)


@DTYPES
@pytest.mark.parametrize("slices", [1, 2])
def test_the_stream_grows_by_8_bits(dtype, slices):
    multiplies(dtype)
    rows, inputs, width = 6, 160, 48
    h, (weight, bias) = normal(rows, inputs, dtype=dtype), layer(width, inputs, dtype)
    weight, scales = quantize_rows(weight)
    stream = ResidualStream(normal(rows, width, seed=9), poisoned(rows, width, dtype=dtype))
    workspace = SplitKWorkspace.allocate(rows, weight, dtype, GemmShape(16, 16, slices, 2, warps=4))
    x, scaled, moments = splitk_residual_gemm_torch(stream.x, h, weight, bias, bias, scales)
    splitk_residual_gemm(h, weight, bias, stream, workspace, bias, scales)
    agree(stream.x, x, dtype)
    agree(stream.scaled, scaled, dtype)
    agree(workspace.moments.sum(dim=2), moments, dtype)


@DTYPES
@pytest.mark.parametrize("slices", [1, 2, 5])
@pytest.mark.parametrize("rows", [6, 70])
@pytest.mark.parametrize("stages", [2, 0])
def test_the_stream_grows_and_its_next_norm_is_folded(dtype, slices, rows, stages):
    """Twice over the same buffers, which a launch leaves as it found them."""
    multiplies(dtype)
    inputs, width = (80, 36) if stages else (160, 48)  # what is held comes in whole blocks
    h, (weight, bias) = normal(rows, inputs, dtype=dtype), layer(width, inputs, dtype)
    stream = ResidualStream(normal(rows, width, seed=9), poisoned(rows, width, dtype=dtype))
    workspace = SplitKWorkspace.allocate(rows, weight, dtype, GemmShape(16, 16, slices, stages, warps=4))
    after, bias_after = normal(44, width, seed=11, dtype=dtype), normal(44, seed=12, dtype=dtype)
    (norm,) = norms(1, width, dtype)
    folded = fold_norm(after, bias_after, (norm,))
    for _ in range(2):
        workspace.partial_sums.fill_(float("nan"))
        workspace.moments.fill_(float("nan"))
        x, scaled, moments = splitk_residual_gemm_torch(stream.x, h, weight, bias, norm[0])
        splitk_residual_gemm(h, weight, bias, stream, workspace, norm[0])
        agree(stream.x, x, dtype)
        agree(stream.scaled, scaled, dtype)
        agree(workspace.moments.sum(dim=2), moments, dtype)
        shape = GemmShape(16, block=16, slices=1, stages=stages, warps=4)
        out = poisoned(rows, 44, dtype=dtype)
        gemm(stream.scaled, after, bias_after, out, norm=folded, moments=workspace.moments, gelu=True, shape=shape)
        agree(out, gemm_torch(stream.x, after, bias_after, norm=norm, gelu=True), dtype)


@DTYPES
def test_a_stream_that_no_norm_follows(dtype):
    multiplies(dtype)
    h, (weight, bias) = normal(7, 48, dtype=dtype), layer(40, 48, dtype)
    stream = ResidualStream(normal(7, 40, seed=9), poisoned(7, 40, dtype=dtype))
    x, _, _ = splitk_residual_gemm_torch(stream.x, h, weight, bias, bias)
    splitk_residual_gemm(h, weight, bias, stream, SplitKWorkspace.allocate(7, weight, dtype), None)
    agree(stream.x, x, dtype)
    assert stream.scaled.isnan().all()


@DTYPES
@pytest.mark.parametrize("count", [1, 2])
def test_norms_of_rows(dtype, count):
    x = normal(7, 40)
    out = layer_norm(x, norms(count, 40, dtype), poisoned(7, 40, dtype=dtype))
    agree(out, layer_norm_torch(x, norms(count, 40, dtype)), dtype)

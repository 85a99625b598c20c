"""Triton kernels equal their torch twins, at odd sizes and in every dtype; interpreted where there is no GPU."""

import pytest
import torch
from indextts2_multitalk.indextts.vocoder import snake as plain

triton = pytest.importorskip("triton")
from indextts2_multitalk.indextts.vocoder import convolution_kernel, snake_kernel  # noqa: E402

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
TOLERANCE = {torch.float32: 5e-6, torch.float16: 2e-3, torch.bfloat16: 2e-2}
DTYPES = pytest.mark.parametrize("dtype", list(TOLERANCE))


@pytest.fixture(autouse=True)
def exact():
    """cuDNN would round the twins' float32 convolutions to TF32."""
    with torch.backends.cudnn.flags(enabled=False):
        yield


def draw(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)


def agree(actual: torch.Tensor, expected: torch.Tensor, dtype: torch.dtype) -> None:
    assert actual.dtype is expected.dtype
    assert actual.shape == expected.shape
    assert torch.isfinite(actual).all()
    assert (actual.float() - expected.float()).abs().max() <= TOLERANCE[dtype] * expected.float().abs().max()


def poisoned(lines: list[torch.Tensor], room: int) -> torch.Tensor:
    """Lines [T, C] of differing lengths in one batch, NaN behind each."""
    batch = lines[0].new_full((len(lines), room, lines[0].shape[1]), float("nan"))
    for place, line in zip(batch, lines, strict=True):
        place[: len(line)] = line
    return batch


@DTYPES
@pytest.mark.parametrize(("samples", "channels"), [(1, 3), (2, 7), (33, 24)])
def test_snake(dtype, channels, samples):
    lines = [2 * draw(samples, channels, dtype=dtype), 2 * draw(samples + 2, channels, seed=1, dtype=dtype)]
    alpha, inverse_beta = draw(channels, seed=2).exp(), draw(channels, seed=3).exp()
    lengths = torch.tensor([samples, samples + 2], dtype=torch.int32, device=DEVICE)
    actual = snake_kernel.snake(poisoned(lines, samples + 40), alpha, inverse_beta, lengths, 1)
    for line, own in zip(lines, actual, strict=True):
        agree(own[: len(line)], plain.snake_torch(line.T[None], alpha, inverse_beta)[0].T, dtype)


def test_snake_counts_samples_by_frames():
    x, one = draw(1, 12, 3), torch.ones(3, device=DEVICE)
    lengths = torch.tensor([4], dtype=torch.int32, device=DEVICE)
    actual = snake_kernel.snake(poisoned([x[0]], 20), one, one, lengths, 3)[:, :12]
    agree(actual, plain.snake_torch(x.mT, one, one).mT, torch.float32)


def make_filter(inputs: int, outputs: int, taps: int, dilation: int, dtype: torch.dtype, bias: bool = True):
    weight = (draw(outputs, taps * inputs, seed=5) / (taps * inputs) ** 0.5).to(dtype)
    offset = draw(outputs, seed=6, dtype=dtype) if bias else None
    return convolution_kernel.ConvolutionFilter(weight, offset, taps, dilation, (taps - 1) * dilation // 2)


@DTYPES
@pytest.mark.parametrize(("inputs", "outputs", "taps", "dilation"), [(8, 8, 3, 1), (24, 40, 11, 5)])
def test_convolution(dtype, inputs, outputs, taps, dilation):
    if dtype is torch.bfloat16 and DEVICE.type == "cpu":
        pytest.skip("Triton's interpreter cannot multiply bfloat16 matrices")
    own = make_filter(inputs, outputs, taps, dilation, dtype)
    lines = [draw(30, inputs, dtype=dtype), draw(71, inputs, seed=1, dtype=dtype)]
    lengths = torch.tensor([30, 71], dtype=torch.int32, device=DEVICE)
    residual, total = draw(2, 80, outputs, seed=2, dtype=dtype), draw(2, 80, outputs, seed=3, dtype=dtype)
    batch = poisoned(lines, 80)
    for extra in ({}, {"residual": residual}, {"residual": residual, "total": total, "scale": 1 / 3}):
        actual = convolution_kernel.convolve_channels_last(batch, own, lengths, 1, **extra)
        expected = convolution_kernel.convolve_channels_last_torch(batch, own, lengths, 1, **extra)
        for place, length in enumerate(lengths.tolist()):
            agree(actual[place, :length], expected[place, :length], dtype)


def test_convolution_without_bias_and_with_more_rows_than_samples():
    own = make_filter(8, 16, 2, 1, torch.float32, bias=False)
    x, lengths = draw(1, 33, 8), torch.tensor([33], dtype=torch.int32, device=DEVICE)
    actual = convolution_kernel.convolve_channels_last(x, own, lengths, 1, rows=34)
    agree(actual, convolution_kernel.convolve_channels_last_torch(x, own, lengths, 1, rows=34), torch.float32)

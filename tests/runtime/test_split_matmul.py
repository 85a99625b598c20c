"""Two half-precision products are a float32 product."""

import pytest
import torch
from indextts2_multitalk.runtime.split_matmul import LOW_SCALE, float32_linear, split_float32
from torch.nn.functional import linear


@pytest.mark.parametrize("size", [1e-5, 1e-3, 1.0, 1e3])
def test_two_halves_are_the_number(size):
    x = size * torch.randn(4096, generator=torch.Generator().manual_seed(0))
    high, low = split_float32(x)
    assert high.dtype == low.dtype == torch.float16
    error = (high.double() + low.double() / LOW_SCALE - x.double()).abs()
    assert (error <= x.abs() * 2.0**-21 + 2.0**-35).all()


def test_on_a_cpu_weights_are_widened():
    generator = torch.Generator().manual_seed(0)
    x, weight, bias = (torch.randn(shape, generator=generator) for shape in ((2, 3, 8), (5, 8), (5,)))
    half, offset = weight.half(), bias.half()
    assert torch.equal(float32_linear(x, half, offset), linear(x, half.float(), offset.float()))
    assert torch.equal(float32_linear(x, weight, None), linear(x, weight))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("rows", [1, 37, 500])
def test_on_a_gpu_it_is_as_exact_as_float32(rows):
    generator = torch.Generator().manual_seed(0)
    x, weight = (torch.randn(shape, generator=generator) for shape in ((1, rows, 1024), (512, 1024)))
    half = (weight / 32).half()
    got = float32_linear(x.cuda(), half.cuda(), None).cpu().double()
    exact = linear(x.double(), half.double())
    assert ((got - exact).abs().max() / exact.abs().max()).item() <= 2e-6

"""Plain anti-aliased snake against its definition, sample by sample."""

import math

import pytest
import torch
from indextts2_multitalk.indextts.vocoder.snake import SnakeBeta, kaiser_taps, snake_torch
from indextts2_multitalk.indextts.vocoder.snake_blocks import snake_in_blocks


def by_definition(x: list[float], alpha: float, inverse_beta: float) -> list[float]:
    """Zero-stuffed upsampling, snake, filtered decimation, each signal held at its ends; float64."""
    taps, samples = kaiser_taps(), len(x)

    def up(m: int) -> float:
        return 2 * sum(
            x[min(max(i, 0), samples - 1)] * taps[m + 5 - 2 * i]
            for i in range(m // 2 - 6, m // 2 + 7)
            if 0 <= m + 5 - 2 * i < 12
        )

    def active(m: int) -> float:
        value = up(min(max(m, 0), 2 * samples - 1))
        return value + inverse_beta * math.sin(alpha * value) ** 2

    return [sum(taps[j] * active(2 * t + j - 5) for j in range(12)) for t in range(samples)]


@pytest.mark.parametrize("samples", [1, 2, 3, 7, 20])
def test_definition(samples):
    x = torch.randn(samples, generator=torch.Generator().manual_seed(samples))
    actual = snake_torch(x[None, None], torch.tensor([1.7]), torch.tensor([0.6]))[0, 0]
    expected = torch.tensor(by_definition(x.tolist(), 1.7, 0.6))
    assert torch.allclose(actual, expected, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 2, 7, 8, 9, 16, 37, 400])
def test_blocks_are_the_same(samples):
    generator = torch.Generator().manual_seed(samples)
    x = torch.randn(2, 3, samples, generator=generator)
    alpha, inverse_beta = torch.rand(2, 3, generator=generator) + 0.5
    actual = snake_in_blocks(x, alpha, inverse_beta, kaiser_taps())
    torch.testing.assert_close(actual, snake_torch(x, alpha, inverse_beta), atol=1e-5, rtol=1e-5)


def test_the_filter_is_symmetric_and_keeps_a_constant():
    taps = kaiser_taps()
    assert sum(taps) == pytest.approx(1.0, abs=1e-6)
    assert taps == pytest.approx(taps[::-1], abs=1e-8)
    held = snake_torch(torch.full((1, 1, 30), 0.8), torch.tensor([1.0]), torch.tensor([0.0]))
    assert torch.allclose(held, torch.full((1, 1, 30), 0.8), atol=1e-3)


def test_coefficients_are_logarithms_only_where_said():
    for logscale in (False, True):
        module = SnakeBeta(2, logscale)
        with torch.no_grad():
            module.alpha.copy_(torch.tensor([0.5, 1.0]))
            module.beta.copy_(torch.tensor([1.0, 2.0]))
        alpha, inverse_beta = module.parameters_float32()
        first = math.exp(0.5) if logscale else 0.5
        assert alpha[0].item() == pytest.approx(first)
        assert inverse_beta[1].item() == pytest.approx(math.exp(-2.0) if logscale else 0.5)


def test_half_precision_is_worked_in_float32():
    x = torch.randn(1, 3, 40, generator=torch.Generator().manual_seed(0)).half()
    alpha, inverse_beta = torch.ones(3), torch.ones(3)
    assert snake_torch(x, alpha, inverse_beta).dtype is torch.float16
    assert torch.equal(snake_torch(x, alpha, inverse_beta), snake_torch(x.float(), alpha, inverse_beta).half())

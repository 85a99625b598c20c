"""A convolution as a product is the convolution."""

import pytest
import torch
from indextts2_multitalk.runtime.matmul_convolution import MatmulConv1d
from torch import nn


@torch.inference_mode()
@pytest.mark.parametrize("taps", [1, 3, 7])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 5, 1), (3, 5, 2), (2, 5, 17)])
def test_a_product_says_what_the_convolution_says(taps, bias, shape):
    torch.manual_seed(0)
    product, x = MatmulConv1d(5, 9, taps, bias), torch.randn(shape)
    convolution = nn.Conv1d(5, 9, taps, padding=taps // 2, bias=bias)
    convolution.load_state_dict(product.state_dict())
    torch.testing.assert_close(product(x), convolution(x))


def test_an_even_number_of_taps_is_refused():
    with pytest.raises(AssertionError, match="got 4 taps"):
        MatmulConv1d(5, 9, 4)

"""What tests of Triton kernels share: they run for real where there is a GPU, and there also under `-m gpu`."""

from typing import Any

import pytest
import torch

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
MARKS = [pytest.mark.gpu] if DEVICE.type == "cuda" else []
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=lambda d: str(d)[6:])


def multiplies(dtype: torch.dtype) -> None:
    """Skip what `tl.dot` cannot do here."""
    if dtype is torch.bfloat16 and DEVICE.type == "cpu":
        pytest.skip("Triton's interpreter cannot multiply bfloat16 matrices")


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)


def poisoned(buffers: Any) -> Any:
    """The dataclass `buffers` with every tensor full of what would win if it were read: NaN and a low token."""
    for tensor in vars(buffers).values():
        tensor.fill_(float("nan") if tensor.is_floating_point() else 3)
    return buffers

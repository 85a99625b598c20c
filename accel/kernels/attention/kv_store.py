"""Keys and values of packed tokens written to their slots.

Dimensions: N tokens, H heads, W head width, S page size.
"""

import torch
import triton
import triton.language as tl

from ...cache.paged_cache import LayerKV


@triton.jit
def _kv_store_kernel(keys, values, key_pages, value_pages, slots, key_stride, value_stride, WIDTH: tl.constexpr,
                     BLOCK: tl.constexpr):  # fmt: skip
    token = tl.program_id(0).to(tl.int64)
    slot = tl.load(slots + token)
    i = tl.arange(0, BLOCK)
    inside = i < WIDTH
    tl.store(key_pages + slot * WIDTH + i, tl.load(keys + token * key_stride + i, mask=inside), mask=inside)
    tl.store(value_pages + slot * WIDTH + i, tl.load(values + token * value_stride + i, mask=inside), mask=inside)


def kv_store(keys: torch.Tensor, values: torch.Tensor, pages: LayerKV, slots: torch.Tensor) -> None:
    """Write keys and values [N, H, W] to slots int64 [N] of contiguous pages [G, S, H, W]. Tokens may lie apart. Its
    twin is `paged_cache.store_kv_torch`."""
    tokens, heads, width = keys.shape
    key_pages, value_pages = pages
    assert keys.shape == values.shape and slots.shape == (tokens,), f"{keys.shape}, {values.shape}, {slots.shape}"
    assert key_pages.is_contiguous() and value_pages.is_contiguous(), "pages must be contiguous"
    assert keys.dtype is key_pages.dtype and values.dtype is value_pages.dtype, f"{keys.dtype} into {key_pages.dtype}"
    for x in (keys, values):
        assert x.stride()[1:] == (width, 1), f"heads must follow each other, got strides {x.stride()}"
    size = heads * width
    _kv_store_kernel[(tokens,)](
        keys, values, key_pages, value_pages, slots, keys.stride(0), values.stride(0), size,
        triton.next_power_of_2(size),
    )  # fmt: skip

"""Padding masks: recordings of many lengths have one size, and what is behind their end changes nothing.

`padding_mask` is bool [T], True behind the recording's end; None where there is no padding. T is the last dimension of
what it goes with.
"""

from torch import Tensor, var_mean


def zero_padding(x: Tensor, padding_mask: Tensor | None) -> Tensor:
    """x [..., T] with zeros as its padding, as convolutions expect them beyond a recording's end."""
    return x if padding_mask is None else x.masked_fill(padding_mask, 0.0)


def masked_var_mean(x: Tensor, padding_mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Variance (of a sample: over n - 1) and mean of x [..., T] over the recording, [..., 1] each."""
    if padding_mask is None:
        return var_mean(x, dim=-1, keepdim=True)
    count = (~padding_mask).sum()
    mean = zero_padding(x, padding_mask).sum(dim=-1, keepdim=True) / count
    return zero_padding(x - mean, padding_mask).square().sum(dim=-1, keepdim=True) / (count - 1), mean


def to_attention_mask(padding_mask: Tensor | None) -> Tensor | None:
    """The key padding mask as `scaled_dot_product_attention` takes it: bool [1, 1, 1, T], True for keys that count."""
    return None if padding_mask is None else ~padding_mask[None, None, None]

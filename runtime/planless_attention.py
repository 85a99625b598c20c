"""torch's attention without cuDNN, which plans anew for every length it meets: 80 ms each on an H200.

Whoever decodes without a cache of fixed size meets another length with every token.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


def attend_planless(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """`scaled_dot_product_attention` [B, H, Q, W] by whatever torch has beside cuDNN."""
    if query.device.type != "cuda":
        return scaled_dot_product_attention(query, key, value, mask, is_causal=is_causal, scale=scale)
    with _CUDNN_OFF.enter():
        return scaled_dot_product_attention(query, key, value, mask, is_causal=is_causal, scale=scale)


class _SharedSwitch:
    """torch's switch of cuDNN's attention, which is the process's: off while anybody is inside, then as it was."""

    def __init__(self) -> None:
        self._lock, self._inside, self._was_on = threading.Lock(), 0, False

    @contextmanager
    def enter(self) -> Iterator[None]:
        with self._lock:
            if not self._inside:
                self._was_on = torch.backends.cuda.cudnn_sdp_enabled()
                torch.backends.cuda.enable_cudnn_sdp(False)
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    torch.backends.cuda.enable_cudnn_sdp(self._was_on)


_CUDNN_OFF = _SharedSwitch()

"""Registry of attention backends: one signature (base.py), chosen once, the reason logged."""

import logging

import torch

from .base import AttentionBackend, AttentionChoice
from .flash import FlashAttention
from .sdpa import SdpaAttention
from .triton import TritonAttention

__all__ = ["ATTENTION_NAMES", "AttentionBackend", "AttentionChoice", "choose_attention"]

logger = logging.getLogger(__name__)

_BACKENDS: dict[str, type[AttentionBackend]] = {
    backend.name: backend for backend in (TritonAttention, FlashAttention, SdpaAttention)
}
"""In order of preference on CUDA. Elsewhere `sdpa` is the default."""

ATTENTION_NAMES = ("auto", *_BACKENDS)


def choose_attention(device: torch.device, dtype: torch.dtype, head_dim: int, wanted: str = "auto") -> AttentionChoice:
    """The backend `wanted`, or with auto the first that can run; `reason` then says why those before it cannot.

    Raises `ValueError` for a name nobody knows and for a backend asked for by name that cannot run here.
    """
    if wanted not in ATTENTION_NAMES:
        raise ValueError(f"attention backend {wanted!r}, expected {', '.join(ATTENTION_NAMES)}")
    by_preference = tuple(_BACKENDS) if device.type == "cuda" else (SdpaAttention.name,)
    refused: list[str] = []
    for name in by_preference if wanted == "auto" else (wanted,):
        backend = _BACKENDS[name]()
        problem = backend.why_unavailable(device, dtype, head_dim)
        if problem is None:
            reason = f"{name} runs on {device.type}" if wanted == "auto" else "asked for by name"
            choice = AttentionChoice(backend, "; ".join([*refused, reason]))
            logger.info("attention: %s (%s)", name, choice.reason)
            return choice
        refused.append(f"{name} cannot: {problem}")
    raise ValueError(f"attention {wanted} does not run in {dtype} on {device}: {'; '.join(refused)}; use auto")

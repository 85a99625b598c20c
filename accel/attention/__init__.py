"""Attention backends behind one signature, chosen once, the reason logged.

Each module of `BACKENDS` has a class `Backend` (see base.py) and a function
`unavailable(device, dtype, head_dim) -> str | None` that says why it cannot run there, or None where it can.
"""

import importlib
import logging

import torch

from .base import AttentionBackend, Choice

__all__ = ["BACKENDS", "AttentionBackend", "Choice", "choose"]

logger = logging.getLogger(__name__)

BACKENDS = ("triton", "flash", "sdpa")
"""In order of preference on CUDA. Elsewhere `sdpa` is the default."""


def choose(device: torch.device, dtype: torch.dtype, head_dim: int, wanted: str = "auto") -> Choice:
    """The backend `wanted`, or the first that can run. `reason` holds what was asked for in vain.

    Raises `ValueError` for a name nobody knows.
    """
    if wanted != "auto" and wanted not in BACKENDS:
        raise ValueError(f"attention backend {wanted!r}, expected auto, {', '.join(BACKENDS)}")
    order = BACKENDS if device.type == "cuda" else ("sdpa",)
    refused: list[str] = []
    for name in order if wanted == "auto" else dict.fromkeys((wanted, *order)):
        module = importlib.import_module(f".{name}", __package__)
        problem = module.unavailable(device, dtype, head_dim)
        if problem is None:
            choice = Choice(module.Backend(), "; ".join([*refused, f"{name} runs on {device.type}"]))
            logger.info("attention: %s (%s)", name, choice.reason)
            return choice
        refused.append(f"{name} cannot: {problem}")
    raise RuntimeError(f"no attention backend runs on {device} in {dtype}: {'; '.join(refused)}")

"""What a CUDA device can run, and why not."""

import importlib.util

import torch

OLDEST_CAPABILITY = (8, 0)
"""Compute capability of Ampere. Triton still compiles for Turing, 7.5, but multiplies there without tensor cores."""

HEAD_WIDTHS = (16, 32, 64, 128, 256)
"""Of attention, that a Triton kernel multiplies as one tile."""

_RUN_TRITON: set[torch.device] = set()
"""Devices on which a kernel was tried and ran; what failed may have been short of memory, and is tried again."""


def why_too_old(device: torch.device) -> str | None:
    """Why a CUDA device cannot run what is written for Ampere and later, or None where it can."""
    if torch.version.cuda is None or torch.cuda.get_device_capability(device) >= OLDEST_CAPABILITY:
        return None  # where CUDA is emulated, by ROCm, capabilities are counted otherwise
    major, minor = torch.cuda.get_device_capability(device)
    return f"compute capability {major}.{minor}: Triton has no tensor cores before 8.0 (Ampere)"


def why_no_triton(device: torch.device) -> str | None:
    """Why Triton kernels do not run on a CUDA device, or None where they do; a kernel is tried, once where it runs."""
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed"
    too_old = why_too_old(device)
    if too_old is not None:
        return too_old
    if device in _RUN_TRITON:
        return None
    try:
        from .probe_kernel import run_probe_kernel

        run_probe_kernel(device)
        _RUN_TRITON.add(device)
    except ImportError as error:
        return f"triton cannot be imported: {error}"
    except Exception as error:
        return f"Triton does not run here: {first_line(error)}"
    return None


def first_line(error: Exception) -> str:
    """Of what an error says, for a report."""
    return (str(error).strip().splitlines() or ["no reason given"])[0]

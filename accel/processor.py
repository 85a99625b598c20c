"""What the processor is, where that decides which of two ways to the same product is the faster one."""

import platform
from functools import cache
from pathlib import Path

import torch

INTEL = "GenuineIntel"


@cache
def runs_mkl_at_full_speed() -> bool:
    """Whether torch multiplies matrices with MKL on Intel's own processor; MKL keeps its best code for those.

    There nothing beats plain `linear`, least of all with few rows, where other ways take two to five times as long.
    """
    return torch.backends.mkl.is_available() and made_by_intel()


def made_by_intel() -> bool:
    """Linux says so in a file, Windows in the processor's name; a Mac without Apple's chip has Intel's."""
    if platform.system() == "Darwin":
        return platform.machine() == "x86_64"
    try:
        return INTEL in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return INTEL in platform.processor()

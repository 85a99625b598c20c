"""Memory that this process takes, as the system and the driver tell it."""

import os
from pathlib import Path

import torch


def resident_bytes() -> int:
    """Of this process, mapped files included; 0 where the system does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.is_file() else 0


def used_device_bytes() -> int:
    """Of the CUDA device, by everyone, this process's context counted; 0 where there is none."""
    if not torch.cuda.is_available():
        return 0
    torch.zeros(1, device="cuda")
    torch.cuda.synchronize()
    free, total = torch.cuda.mem_get_info()
    return total - free

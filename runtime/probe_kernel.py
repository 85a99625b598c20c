"""The smallest Triton kernel there is, to see whether any runs. Importing this needs Triton."""

import torch
import triton
import triton.language as tl


@triton.jit
def _store_one(out):
    tl.store(out, 1.0)


def run_probe_kernel(device: torch.device) -> None:
    """Build and launch it. Raises whatever keeps Triton from either, a missing C compiler say."""
    out = torch.zeros(1, device=device)
    _store_one[(1,)](out)
    if out.item() != 1.0:
        raise RuntimeError("a kernel was launched and wrote nothing")

"""Where torch.compile is used when it is asked for: where the flow is measured to gain at least a tenth by it."""

import torch

LEAST_GAIN = 0.1

COMPILE_GAIN = {
    "with Triton kernels in CUDA graphs": 0.0,  # 53.6 ms with and without, after 32 s of compiling (H200, float16)
    "in float32 on a GPU": 0.04,  # 483 to 464 ms (H200)
    "in half precision without Triton kernels": 0.30,  # 16 lines: 1282 to 892 ms; a single one loses 27 ms (H200)
    "on a CPU": -0.4,  # processor time of one line: 1.71 to 2.75 s at full size, 0.16 to 0.22 s the demo voice's
}
"""Part of the flow's time that it saves, by how the flow runs; measured by benchmarks/flow_and_vocoder.py."""


def why_not_compile(device: torch.device, dtype: torch.dtype, has_kernels: bool) -> str | None:
    """Why compiling is left out though it is asked for, or None where it is worth it."""
    if has_kernels:
        case = "with Triton kernels in CUDA graphs"
    elif device.type == "cpu":
        case = "on a CPU"
    else:
        case = "in float32 on a GPU" if dtype is torch.float32 else "in half precision without Triton kernels"
    if COMPILE_GAIN[case] >= LEAST_GAIN:
        return None
    return f"{case} the flow gains less than {LEAST_GAIN:.0%} by it"

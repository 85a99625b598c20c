"""Which Triton this is: compilers differ in what kernels here rely on."""

import triton


def triton_version() -> tuple[int, int]:
    """Major and minor."""
    major, minor = triton.__version__.split(".")[:2]
    return int(major), int(minor)

"""Kernels compile at full size for chips that are not there, which an interpreter says nothing of."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

triton = pytest.importorskip("triton")
from indextts2_multitalk.accel.kernels.pdl import TRITON_HAS_PDL  # noqa: E402

SCRIPT = Path(__file__).parents[1] / "helpers" / "compile_kernels.py"
KERNELS = (
    "_advance_beams_kernel _affine_norm_kernel _apply_rotary_kernel _beam_candidates_kernel "
    "_convolve_channels_last_kernel _copy_partial_pages_kernel _draw_kernel _embed_tokens_kernel "
    "_gated_convolution_kernel _gemm_kernel _gemv_kernel _kv_store_kernel _layer_norm_kernel "
    "_packed_attention_kernel _paged_attention_kernel _partial_softmax_kernel _partial_top_k_kernel "
    "_residual_add_kernel _residual_cat_kernel _snake_kernel _splitk_residual_kernel _swiglu_kernel "
    "decode_megakernel"
)


LINEAR = "decode, 3 rows", "decode, 48 rows"
PERSISTENT = "decode, persistent", "int8 decode, persistent"
INT8 = "int8 decode, 3 rows", "int8 decode, 16 rows", "int8 decode, 48 rows"
CHIPS = {
    "H100": (90, (*LINEAR, "decode, 16 rows", *PERSISTENT, *INT8, "draw", "beams", "flow", "vocoder")),
    "RTX 2080 Ti": (75, ("decode, 3 rows",)),
    "RTX 3060": (86, (*LINEAR, *INT8, "flow", "vocoder")),
    "RTX 4090": (89, (*LINEAR, *INT8, "flow", "vocoder")),
    "RTX 5090": (120, (*LINEAR, *INT8, "flow")),
}
"""Compute capability and cases of compile_kernels.py: all on one chip; on the others what is cut by what a chip has,
shared memory, dependent launches and tensor cores. For Turing they compile, and are not run (device_capability.py).
kernel_hashes.py compiles everything for three of them."""


@pytest.fixture(scope="module", params=CHIPS)
def compiled(request: pytest.FixtureRequest) -> tuple[int, dict[str, Any]]:
    """A compute capability and what was compiled for it."""
    capability, cases = CHIPS[request.param]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    run = [sys.executable, SCRIPT, str(capability), *cases]
    result = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-4000:]
    return capability, json.loads(result.stdout)


def test_every_kernel_compiles_and_finds_room(compiled):
    capability, result = compiled
    names = {kernel["kernel"] for kernel in result["kernels"]}
    assert names == set(KERNELS.split()) if capability == 90 else names < set(KERNELS.split())
    for kernel in result["kernels"]:
        assert kernel["shared"] <= result["limit"], kernel


def test_steps_overlap_where_the_chip_can(compiled):
    capability, result = compiled
    for kernel in result["kernels"]:
        if "PDL" in kernel:
            assert kernel["PDL"] == (TRITON_HAS_PDL and capability >= 90), kernel

"""Triton's own compiler over the kernels at full size, for a chip that need not be there. A script of its own, since
the tests around it have imported Triton as an interpreter.

    python tests/helpers/compile_kernels.py 90

Prints JSON: the bytes of shared memory that a program may have, and a list of what was compiled, each with its kernel,
registers (None where nothing can tell), bytes of shared memory and options.
"""

import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ["TRITON_INTERPRET"] = "0"
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import torch
import triton
from decode_model import FULL, seeded_weights
from indextts2_multitalk.accel.attention.triton import TritonAttention
from indextts2_multitalk.accel.cache.paged_cache import PagedCache
from indextts2_multitalk.accel.kernels import ahead, embed, overlap, tile_shapes, tiles
from indextts2_multitalk.accel.kernels.beam_search import BeamBuffers, advance_beams
from indextts2_multitalk.accel.kernels.sample import draw_next
from indextts2_multitalk.accel.kernels.step import DecodeStep
from indextts2_multitalk.accel.state import DecodeState
from indextts2_multitalk.accel.weights import DecoderWeights
from indextts2_multitalk.indextts.vocoder.convolution_kernel import Filter, convolve
from indextts2_multitalk.indextts.vocoder.snake_kernel import snake
from indextts2_multitalk.s2mel import pointwise_kernels as pointwise
from indextts2_multitalk.s2mel.attention_kernel import attention
from indextts2_multitalk.s2mel.convolution_kernel import gated_convolution
from indextts2_multitalk.s2mel.packing import Packing
from triton.backends.compiler import GPUTarget
from triton.runtime.jit import JITFunction

CPU = torch.device("cpu")
SHARED = {86: 101376, 90: 232448, 120: 101376}
"""Bytes that a program may have, by compute capability: an RTX 3090, an H100, an RTX 5090."""
COLUMNS = 4
HALF = torch.float16


class Chip:
    """As much of a driver as compiling takes."""

    def __init__(self, capability: int) -> None:
        self._capability = capability
        self.utils = self

    def get_device_properties(self, device: int) -> dict[str, int]:
        return {"max_shared_mem": SHARED[self._capability]}

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", self._capability, 32)

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0

    def get_active_torch_device(self) -> torch.device:
        return CPU


def compile_for(capability: int) -> list[dict[str, Any]]:
    """Whatever is launched is compiled and does not run; whoever asks about the chip hears of this one, on which all
    that may be held is."""
    triton.runtime.driver.set_active(Chip(capability))
    for module in (overlap, tile_shapes, ahead, embed):
        module.overlaps = lambda device: overlap.CAN_WAIT and capability >= 90
    tile_shapes._can_hold = lambda: True
    stages_for = tiles.stages_for
    tiles.stages_for = lambda shape, rows, size, device: stages_for(shape, rows, size, torch.device("cuda"))
    found: list[dict[str, Any]] = []
    launch = JITFunction.run

    def only_compile(self: Any, *arguments: Any, grid: Any, warmup: bool, **options: Any) -> None:
        compiled = launch(self, *arguments, grid=grid, warmup=True, **options)
        flags = {name: value for name, value in options.items() if isinstance(value, (bool, int, str))}
        took = {"registers": registers(compiled.asm["cubin"]), "shared": compiled.metadata.shared}
        found.append({"kernel": self.__name__, **took, **flags})

    JITFunction.run = only_compile
    decode()
    flow()
    vocode()
    return found


def registers(binary: bytes) -> int | None:
    tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    if not tool.is_file():
        return None
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(binary)
        file.flush()
        said = subprocess.run([tool, "-res-usage", file.name], capture_output=True, text=True, check=True)
    return int(re.findall(r"REG:(\d+)", said.stdout)[0])


def decode() -> None:
    """Steps of one line to many, the draw, and beams."""
    weights = seeded_weights(dataclasses.replace(FULL, layers=2), HALF, CPU)
    for rows in (1, 3, 16, 32, 64):
        decode_step(weights, rows, TritonAttention())
    draw_next(a_state(weights, 16, 1), torch.zeros(16, weights.vocabulary), weights.stop_token)
    state = a_state(weights, 1, 3)
    cache = PagedCache.allocate(2, 3 * COLUMNS + 1, 16, weights.heads, weights.head_dim, HALF, CPU)
    buffers = BeamBuffers.allocate(3, 3, weights.vocabulary, CPU)
    advance_beams(state, torch.zeros(3, weights.vocabulary), cache, weights.stop_token, buffers)


def decode_step(weights: DecoderWeights, rows: int, backend: TritonAttention) -> None:
    pages, size, heads, width = rows * COLUMNS + 1, backend.page_size, weights.heads, weights.head_dim
    cache = PagedCache.allocate(2, pages, size, heads, width, HALF, CPU)
    DecodeStep(weights, cache, a_state(weights, rows, 1))()
    new = torch.zeros(2, 5, heads, width, dtype=HALF)
    backend.store_kv(*new, cache.layers[0], torch.arange(5))


def a_state(weights: DecoderWeights, lanes: int, beams: int) -> DecodeState:
    return DecodeState.allocate(lanes, beams, weights.vocabulary, COLUMNS, weights.max_tokens, CPU)


def flow() -> None:
    """The estimator's layers, 512 wide."""
    packing = Packing((40, 24), 2, CPU, 64, 2)
    x, tables = torch.zeros(128, 512, dtype=HALF), torch.zeros(2, 512)
    attention(torch.zeros(128, 3, 8, 64, dtype=HALF), packing)
    weight = torch.zeros(1024, 5 * 512, dtype=HALF)
    gated_convolution(x, weight, torch.zeros(1024), torch.empty_like(x), packing, 1)
    pointwise.residual_norm(x.float(), x, tables, 1e-5, HALF)
    pointwise.modulated_norm(x, tables, 1e-6, HALF)
    pointwise.residual_cat(x.float(), x, x, HALF)
    pointwise.residual_add(x.float(), x, HALF)
    pointwise.rotate(torch.zeros(128, 3 * 512, dtype=HALF), *packing.rotation(64), 8)
    pointwise.swiglu(torch.zeros(128, 2 * 1536, dtype=HALF))


def vocode() -> None:
    """BigVGAN's convolutions in every width of tile, and its activation."""
    lengths = torch.tensor([3], dtype=torch.int32)
    for channels in (24, 48, 96, 192, 384):
        x = torch.zeros(1, 64, channels, dtype=HALF)
        kernel = Filter(torch.zeros(channels, 7 * channels, dtype=HALF), torch.zeros(channels), 7, 1, 3)
        convolve(x, kernel, lengths, 4)
        snake(x, torch.ones(channels), torch.ones(channels), lengths, 4)


if __name__ == "__main__":
    with torch.inference_mode(), tempfile.TemporaryDirectory() as cache:
        os.environ["TRITON_CACHE_DIR"] = cache
        capability = int(sys.argv[1])
        result = {"limit": SHARED[capability], "kernels": compile_for(capability)}
    sys.stdout.write(json.dumps(result))

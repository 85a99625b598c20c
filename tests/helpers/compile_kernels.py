"""Triton's own compiler over the kernels at full size, for a chip that need not be there. A script of its own, since
the tests around it have imported Triton as an interpreter.

    python tests/helpers/compile_kernels.py 90 [CASE …]

Prints JSON: the bytes of shared memory that a program may have, and a list of what was compiled, each with its case,
kernel, registers (None where nothing can tell), bytes of shared memory and options.
"""

import dataclasses
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["TRITON_INTERPRET"] = "0"
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import torch
import triton
from cards import H200, RTX_3060, RTX_4090, RTX_5090, TURING
from decode_model import FULL, quantized, seeded_weights
from indextts2_multitalk.accel.attention.triton import TritonAttention
from indextts2_multitalk.accel.cache.paged_cache import PagedCache
from indextts2_multitalk.accel.kernels.decode_step import DecodeStep
from indextts2_multitalk.accel.kernels.linear import gemm_shapes, int8_weights
from indextts2_multitalk.accel.kernels.persistent.step import MegakernelShape, PersistentStep, count_matrix_programs
from indextts2_multitalk.accel.kernels.sampling.beam_search import BeamBuffers, advance_beams
from indextts2_multitalk.accel.kernels.sampling.draw import draw_next
from indextts2_multitalk.accel.state import DecodeState
from indextts2_multitalk.accel.weights import DecoderWeights
from indextts2_multitalk.indextts.vocoder.convolution_kernel import ConvolutionFilter, convolve_channels_last
from indextts2_multitalk.indextts.vocoder.snake_kernel import snake
from indextts2_multitalk.runtime import card
from indextts2_multitalk.s2mel import pointwise_kernels as pointwise
from indextts2_multitalk.s2mel.attention_kernel import packed_attention
from indextts2_multitalk.s2mel.convolution_kernel import gated_convolution
from indextts2_multitalk.s2mel.packing import Packing
from triton.backends.compiler import GPUTarget
from triton.runtime.jit import JITFunction

CPU = torch.device("cpu")
CARDS = {75: TURING, 86: RTX_3060, 89: RTX_4090, 90: H200, 120: RTX_5090}
"""By compute capability."""
COLUMNS = 4
HALF = torch.float16


class Chip:
    """As much of a driver as compiling takes."""

    def __init__(self, capability: int) -> None:
        self._capability = capability

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", self._capability, 32)

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0

    def get_active_torch_device(self) -> torch.device:
        return CPU


@dataclass(frozen=True)
class Launch:
    """case: of `CASES`. compiled: Triton's kernel. options: constants and options of the launch."""

    case: str
    kernel: str
    compiled: Any
    options: dict[str, Any]


def launches(capability: int, cases: Iterable[str]) -> Iterator[Launch]:
    """Whatever `cases` launch, compiled and not run, of several that are alike in a case the first. Whoever asks about
    the chip hears of this one, on which all that may be held is."""
    triton.runtime.driver.set_active(Chip(capability))
    int8_weights.speaks_ptx = lambda device: True
    card.INTERPRETED = CARDS[capability]
    gemm_shapes._has_eager_smem = lambda: True
    found: dict[tuple[str, str], Launch] = {}
    launch = JITFunction.run

    def only_compile(self: Any, *arguments: Any, grid: Any, warmup: bool, **options: Any) -> None:
        compiled = launch(self, *arguments, grid=grid, warmup=True, **options)
        found.setdefault((case, compiled.hash), Launch(case, self.__name__, compiled, options))

    JITFunction.run = only_compile
    for case in cases:
        known = len(found)
        CASES[case]()
        yield from list(found.values())[known:]


def registers(binary: bytes) -> int | None:
    said = inspected("-res-usage", binary)
    return None if said is None else int(re.findall(r"REG:(\d+)", said)[0])


def inspected(option: str, binary: bytes) -> str | None:
    """What Triton's own cuobjdump says of a compiled kernel, where there is one."""
    tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    if not tool.is_file():
        return None
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(binary)
        file.flush()
        return subprocess.run([tool, option, file.name], capture_output=True, text=True, check=True).stdout


@functools.cache
def decoder() -> DecoderWeights:
    return seeded_weights(dataclasses.replace(FULL, layers=2), HALF, CPU)


def a_state(weights: DecoderWeights, lanes: int, beams: int) -> DecodeState:
    return DecodeState.allocate(lanes, beams, weights.vocabulary, COLUMNS, weights.max_tokens, CPU)


@functools.cache
def int8_decoder() -> DecoderWeights:
    return quantized(decoder())


def decode_step(rows: int, decoder: Callable[[], DecoderWeights] = decoder) -> None:
    weights, backend = decoder(), TritonAttention()
    pages, size, heads, width = rows * COLUMNS + 1, backend.page_size, weights.heads, weights.head_dim
    cache = PagedCache.allocate(2, pages, size, heads, width, HALF, CPU)
    DecodeStep(weights, cache, a_state(weights, rows, 1))()
    new = torch.zeros(2, 5, heads, width, dtype=HALF)
    backend.store_kv(*new, cache.layer_kv[0], torch.arange(5))


class OnGPU(DecoderWeights):
    device = torch.device("cuda")


def persistent_step(decoder: Callable[[], DecoderWeights] = decoder) -> None:
    """As it is cut on an H100 or an H200."""
    weights, programs = decoder(), 132
    cache = PagedCache.allocate(2, COLUMNS + 1, 16, weights.heads, weights.head_dim, HALF, CPU)
    stages = 8 if weights.quantized else 4
    shape = MegakernelShape(programs, count_matrix_programs(weights.width, programs - 25), 16, stages, 64, 9)
    logits = torch.zeros(1, weights.vocabulary)
    step = PersistentStep(weights, cache, a_state(weights, 1, 1), logits, shape)
    step._weights = OnGPU(**vars(weights))
    step()


def draw() -> None:
    weights = decoder()
    draw_next(a_state(weights, 16, 1), torch.zeros(16, weights.vocabulary), weights.stop_token)


def beams() -> None:
    weights = decoder()
    cache = PagedCache.allocate(2, 3 * COLUMNS + 1, 16, weights.heads, weights.head_dim, HALF, CPU)
    buffers = BeamBuffers.allocate(3, 3, weights.vocabulary, CPU)
    advance_beams(a_state(weights, 1, 3), torch.zeros(3, weights.vocabulary), cache, weights.stop_token, buffers)


def flow() -> None:
    """The estimator's layers, 512 wide."""
    packing = Packing((40, 24), 2, CPU, 64, 2)
    x, tables = torch.zeros(128, 512, dtype=HALF), torch.zeros(2, 512)
    packed_attention(torch.zeros(128, 3, 8, 64, dtype=HALF), packing)
    weight = torch.zeros(1024, 5 * 512, dtype=HALF)
    gated_convolution(x, weight, torch.zeros(1024), torch.empty_like(x), packing, 1)
    pointwise.residual_norm(x.float(), x, tables, 1e-5, HALF)
    pointwise.modulated_norm(x, tables, 1e-6, HALF)
    pointwise.residual_cat(x.float(), x, x, HALF)
    pointwise.residual_add(x.float(), x, HALF)
    pointwise.apply_rotary(torch.zeros(128, 3 * 512, dtype=HALF), *packing.rotary_tables(64), 8)
    pointwise.swiglu(torch.zeros(128, 2 * 1536, dtype=HALF))


def vocoder() -> None:
    """BigVGAN's convolutions in every width of tile, and its activation."""
    lengths = torch.tensor([3], dtype=torch.int32)
    for channels in (24, 48, 96, 192, 384):
        x = torch.zeros(1, 64, channels, dtype=HALF)
        kernel = ConvolutionFilter(torch.zeros(channels, 7 * channels, dtype=HALF), torch.zeros(channels), 7, 1, 3)
        convolve_channels_last(x, kernel, lengths, 4)
        snake(x, torch.ones(channels), torch.ones(channels), lengths, 4)


ROWS = 1, 3, 8, 16, 32, 48, 64
INT8_ROWS = 1, 3, 16, 48
CASES = {
    **{f"decode, {rows} rows": functools.partial(decode_step, rows) for rows in ROWS},
    "decode, persistent": persistent_step,
    **{f"int8 decode, {rows} rows": functools.partial(decode_step, rows, int8_decoder) for rows in INT8_ROWS},
    "int8 decode, persistent": functools.partial(persistent_step, int8_decoder),
    "draw": draw,
    "beams": beams,
    "flow": flow,
    "vocoder": vocoder,
}


def main(capability: int, cases: list[str]) -> dict[str, Any]:
    kernels = []
    for launch in launches(capability, cases or CASES):
        took = {"registers": registers(launch.compiled.asm["cubin"]), "shared": launch.compiled.metadata.shared}
        flags = {name: value for name, value in launch.options.items() if isinstance(value, (bool, int, str))}
        kernels.append({"case": launch.case, "kernel": launch.kernel, **took, **flags})
    return {"limit": CARDS[capability].smem_bytes, "kernels": kernels}


if __name__ == "__main__":
    with torch.inference_mode(), tempfile.TemporaryDirectory() as cache:
        os.environ["TRITON_CACHE_DIR"] = cache
        sys.stdout.write(json.dumps(main(int(sys.argv[1]), sys.argv[2:])))

"""Which kernels decoding launches and its rehearsal does not, at full size for a chip that need not be there. A script
of its own, since the tests around it have imported Triton as an interpreter.

    python tests/helpers/rehearsed_kernels.py LINES BEAMS

Prints JSON: the kernels that were rehearsed, and those that a run launched besides. Nothing is compiled or launched.
"""

import json
import sys
from types import SimpleNamespace

import compile_kernels as compiler
import torch
from indextts2_multitalk.accel import engine
from indextts2_multitalk.accel.attention import AttentionChoice
from indextts2_multitalk.accel.attention.triton import TritonAttention
from indextts2_multitalk.accel.rehearsal import rehearse_decoding
from indextts2_multitalk.accel.request import Request
from indextts2_multitalk.accel.runners.graph_runner import GraphRunner
from indextts2_multitalk.accel.sampling.params import SamplingParams
from indextts2_multitalk.runtime import cuda_graphs
from triton import knobs, runtime

LENGTHS = 60, 700
"""Most tokens of a line: block tables of two sizes."""


class Over(Exception):
    """Nothing is drawn, so a run would never end."""


def main(lines: int, beams: int) -> dict[str, list[str]]:
    runtime.driver.set_active(compiler.Chip(90))
    engine.choose_attention = lambda *_: AttentionChoice(TritonAttention(), "here")
    engine.Engine._new_runner = lambda self, cache: GraphRunner(self._weights, cache, TritonAttention())
    cuda_graphs.capture_graph = lambda work, *_: (SimpleNamespace(replay=work), work())
    weights = compiler.decoder()
    rehearsed = launches(lambda: rehearse_decoding(weights, TritonAttention(), lines, beams))
    ran = launches(lambda: [run(weights, lines, beams, length) for length in LENGTHS])
    return {"rehearsed": names(rehearsed), "besides": names(ran - rehearsed)}


def launches(work) -> set[tuple[str, str]]:
    """Kernels and the keys of their variants."""
    found = set()

    def skip(*, key, fn, **_):
        found.add((fn.name, key))
        return True

    knobs.runtime.jit_cache_hook = skip
    work()
    return found


def run(weights, lines: int, beams: int, length: int) -> None:
    sampling, polls = SamplingParams(num_beams=beams), iter(range(3))

    def stop_soon(drawn: int) -> None:
        if next(polls, None) is None:
            raise Over

    prompts = [torch.zeros(60 + line, weights.width, dtype=weights.dtype) for line in range(lines)]
    requests = [Request(prompt, seed, sampling, length, (1,)) for seed, prompt in enumerate(prompts)]
    try:
        list(engine.Engine(weights).generate(requests, stop_soon))
    except Over:
        return


def names(variants: set[tuple[str, str]]) -> list[str]:
    return sorted(name.rpartition(".")[2] for name, _ in variants)


if __name__ == "__main__":
    with torch.inference_mode():
        sys.stdout.write(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))

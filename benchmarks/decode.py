"""The decode engine alone: full size, seeded weights, the real host loop, no stop token.

    python benchmarks/decode.py [--small] [--dtype float16] [--attention triton] [--cases 1-line 16-lines …]

Prints one JSON line a figure. Cases that begin with int8- have the layers' matrices in 8 bits. Refuses where
teacher-forced logits leave float32's by more than their tolerance, where graphs and plain torch draw different tokens,
or where the draw on the device is not `sampler.sample_tokens`.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace

import torch
from decode_check import check, check_quantized
from decode_model import ALL_FILTERS, FULL, LENGTHS, SMALL, Length, quantized, requests, seeded_weights
from indextts2_multitalk.accel.cache.paged_cache import PagedCache
from indextts2_multitalk.accel.engine import Engine, EngineOptions
from indextts2_multitalk.accel.request import Request
from indextts2_multitalk.accel.weights import DecoderWeights
from measure import Refused, case_name, drain, emit, seconds, version_prefix

CASES = {
    "1-line": (1, ALL_FILTERS),
    "1-line-3-beams": (1, replace(ALL_FILTERS, num_beams=3)),
    "16-lines": (16, ALL_FILTERS),
    "64-lines": (64, ALL_FILTERS),
    "16-lines-3-beams": (16, replace(ALL_FILTERS, num_beams=3)),
    "64-lines-3-beams": (64, replace(ALL_FILTERS, num_beams=3)),
}
"""Lines decoded together and how; a line's beams are not counted as lines."""
INT8 = "int8-"
INT8_CASES = tuple(INT8 + case for case in ("1-line", "1-line-3-beams", "16-lines", "16-lines-3-beams"))
"""The same with the layers' matrices in 8 bits."""
ALL_CASES = (*CASES, *INT8_CASES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a tiny decoder: does the benchmark itself run?")
    parser.add_argument("--version", default="2.0", choices=LENGTHS, help="whose 10 s: 500 codes, or 250")
    parser.add_argument("--dtype", default="float16", choices=["float16", "bfloat16", "float32"])
    parser.add_argument("--attention", default="auto", help="a backend's name; auto is the product's choice")
    parser.add_argument("--cases", nargs="*", default=ALL_CASES, choices=ALL_CASES)
    arguments = parser.parse_args()
    dtype, device = getattr(torch, arguments.dtype), torch.device("cuda" if torch.cuda.is_available() else "cpu")
    size, version = SMALL if arguments.small else FULL, arguments.version
    with torch.inference_mode():
        weights = seeded_weights(size, dtype, device)
        measure_memory(weights, version)
        bandwidth = read_bandwidth(device)
        if cases := [case for case in arguments.cases if case in CASES]:
            measure_cases(weights, cases, bandwidth, check(weights), arguments.attention, version)
        if cases := [case.removeprefix(INT8) for case in arguments.cases if case in INT8_CASES]:
            small = quantized(weights)
            checked = check_quantized(small, weights)
            emit_saved(weights, small)
            del weights
            measure_cases(small, cases, bandwidth, checked, arguments.attention, version)


def measure_cases(
    weights: DecoderWeights,
    cases: Sequence[str],
    bandwidth: float,
    checked: dict[str, float],
    attention: str,
    version: str,
) -> None:
    engine = Engine(weights, EngineOptions(expected_tokens=LENGTHS[version].codes, attention=attention))
    if attention not in ("auto", engine.attention.backend.name):
        raise Refused(f"{attention} attention does not run here: {engine.attention.reason}")
    for case in cases:
        measure(engine, weights, case, bandwidth, checked, version)
    measure_first_code(engine, weights, version)
    engine.close()


def emit_saved(weights: DecoderWeights, small: DecoderWeights) -> None:
    """What 8 bits save of the weights' memory, scales counted."""
    saved = (weight_bytes(weights) - weight_bytes(small)) / 2**30
    emit("decode", "int8-weights-saved", saved, "GiB", str(weights.dtype))


def read_bandwidth(device: torch.device) -> float:
    """Bytes a second that a long sum reads."""
    x = torch.ones(2**30 if device.type == "cuda" else 2**24, dtype=torch.float16, device=device)
    return x.nbytes / seconds(lambda: x.sum(), repeats=10, warm_up=3)


def measure(
    engine: Engine, weights: DecoderWeights, case: str, bandwidth: float, checked: dict[str, float], version: str
) -> None:
    """ms a code and line between the first look of the host and the last, the median of three runs."""
    (lines, sampling), length = CASES[case], LENGTHS[version]
    todo = requests(weights, lines, sampling, length.codes, length.rows)
    list(engine.generate(todo))
    took = sorted(seconds_a_step(engine, todo) for _ in range(3))[1]
    step_bytes = moved_bytes(weights, lines, length)
    emit(
        "decode", name_of(case, engine, version), 1e3 * took / lines, "ms/code/line", str(weights.dtype),
        ms_a_step=round(1e3 * took, 4), weight_bytes_a_step=weight_bytes(weights),
        bandwidth_fraction=round(step_bytes / took / bandwidth, 4),
        read_bandwidth_gb_s=round(bandwidth / 1e9, 1), **checked,
        attention=engine.attention.backend.name, runner=engine._runner.name,
    )  # fmt: skip


def name_of(case: str, engine: Engine, version: str) -> str:
    """On a CPU the backend is not the card's and no name is bare; there the figures say nothing anyway."""
    weights = engine._weights
    quantize = "int8" if weights.quantized else "none"
    name = case_name(case, str(weights.dtype), engine.attention.backend.name, quantize=quantize)
    return version_prefix(version) + name


def seconds_a_step(engine: Engine, todo: Sequence[Request]) -> float:
    looks: list[tuple[int, float]] = []
    drain()
    list(engine.generate(todo, lambda drawn: looks.append((drawn, time.perf_counter()))))
    (first, start), (last, end) = looks[0], looks[-1]
    return (end - start) / (last - first) * len(todo)


def moved_bytes(weights: DecoderWeights, lines: int, length: Length) -> float:
    """Fewest bytes of a step: every matrix once, keys and values of the average context; beams share nearly all."""
    context = length.rows + length.codes / 2
    per_token = PagedCache.token_bytes(weights.heads, weights.head_dim, weights.dtype)
    return weight_bytes(weights) + lines * context * per_token * len(weights.layers)


def weight_bytes(weights: DecoderWeights) -> int:
    """Of what a step reads of the weights."""
    layers = [t for layer in weights.layers for t in vars(layer).values() if t is not None]
    return sum(t.nbytes for t in [*layers, weights.head_weight])


def measure_first_code(engine: Engine, weights: DecoderWeights, version: str) -> None:
    """From the request to the host's first look, warm."""

    todo = requests(weights, 1, ALL_FILTERS, 40, LENGTHS[version].rows)

    def first() -> float:
        drain()
        start = time.perf_counter()
        looks: list[float] = []
        list(engine.generate(todo, lambda drawn: looks.append(time.perf_counter() - start)))
        return looks[0]

    first()
    value = 1e3 * sorted(first() for _ in range(9))[4]
    emit("decode", name_of("first-code", engine, version), value, "ms", str(weights.dtype))


def measure_memory(weights: DecoderWeights, version: str) -> None:
    """What a run of one line takes beside the weights: cache, states, buffers, graphs, activations."""
    if weights.device.type != "cuda":
        return
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_reserved()
    length = LENGTHS[version]
    engine = Engine(weights, EngineOptions(expected_tokens=length.codes))
    list(engine.generate(requests(weights, 1, ALL_FILTERS, length.codes, length.rows)))
    drain()
    extra = torch.cuda.max_memory_reserved() - before
    case, cache = name_of("extra-memory", engine, version), round(engine._pool.cache_bytes / 2**30, 4)
    emit("decode", case, extra / 2**30, "GiB", str(weights.dtype), cache_gib=cache)
    engine.close()


if __name__ == "__main__":
    main()

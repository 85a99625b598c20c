"""One step of the decode engine, without the draw and without the host: for work on kernels.

    python benchmarks/decode_step.py [--rows 64 16] [--context 320] [--dtype float16]

Needs a CUDA device. Prints one JSON line a figure; refuses where logits leave the plain step's.
"""

import argparse

import torch
from decode_check import LOGITS_TOLERANCE
from decode_model import FULL, seeded_weights
from indextts2_multitalk.accel.attention import AttentionBackend
from indextts2_multitalk.accel.attention.triton import TritonAttention
from indextts2_multitalk.accel.cache.paged_cache import PagedCache
from indextts2_multitalk.accel.kernels.decode_step import DecodeStep
from indextts2_multitalk.accel.runners.torch_runner import TorchRunner
from indextts2_multitalk.accel.state import DecodeState
from indextts2_multitalk.accel.weights import DecoderWeights
from measure import Refused, emit

REPLAYS, ROUNDS = 40, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="*", type=int, default=[64, 32, 16, 8, 1])
    parser.add_argument("--context", type=int, default=320, help="tokens that each row has in the cache")
    parser.add_argument("--dtype", default="float16", choices=["float16", "bfloat16"])
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("a step of fused kernels needs a CUDA device; decode.py also runs on a CPU")
    dtype = getattr(torch, arguments.dtype)
    with torch.inference_mode():
        weights = seeded_weights(FULL, dtype, torch.device("cuda"))
        for rows in arguments.rows:
            measure(weights, TritonAttention(), rows, arguments.context)


def measure(weights: DecoderWeights, backend: AttentionBackend, rows: int, context: int) -> None:
    """us a step, the least of a few rounds."""
    columns = -(-(context + 1) // backend.page_size)
    cache = filled(weights, backend, rows * columns)
    state = DecodeState.allocate(rows, 1, weights.vocabulary, columns, weights.max_tokens, weights.device)
    state.lanes.finished.fill_(False)
    state.lanes.steps.fill_(context // 2)
    pages = torch.randperm(rows * columns, device=weights.device) + 1
    state.rows.block_tables.copy_(pages.view(rows, columns))
    state.rows.lengths.fill_(context)
    step = DecodeStep(weights, cache, state)
    error = apart(step().clone(), TorchRunner(weights, cache, backend).decode_logits(state))
    if error > LOGITS_TOLERANCE:
        raise Refused(f"{rows} rows: logits are {error:.2e} from the plain step's")
    state.rows.lengths.fill_(context)
    emit(
        "decode_step",
        f"{rows}-rows",
        1e6 * seconds_of(step),
        "us",
        str(weights.dtype),
        context=context,
        error=round(error, 6),
    )


def filled(weights: DecoderWeights, backend: AttentionBackend, pages: int) -> PagedCache:
    """A cache of random keys and values."""
    heads, width = weights.heads, weights.head_dim
    cache = PagedCache.allocate(
        len(weights.layers), pages + 1, backend.page_size, heads, width, weights.dtype, weights.device
    )
    slots = torch.arange((pages + 1) * backend.page_size, device=weights.device)
    shape = (len(slots), heads, width)
    for layer in cache.layer_kv:
        held = (torch.randn(shape, dtype=weights.dtype, device=weights.device) for _ in range(2))
        backend.store_kv(*held, layer, slots)
    return cache


def seconds_of(step: DecodeStep) -> float:
    """A captured step's, by the device's own clock."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    best = float("inf")
    for _ in range(ROUNDS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        graph.replay()
        start.record()
        for _ in range(REPLAYS):
            graph.replay()
        end.record()
        end.synchronize()
        best = min(best, start.elapsed_time(end) / REPLAYS / 1e3)
    return best


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    """Relative distance, the stop token aside, whose bias would drown all others."""
    one, other = one[:, :-1], other[:, :-1]
    return ((one - other).norm() / other.norm()).item()


if __name__ == "__main__":
    main()

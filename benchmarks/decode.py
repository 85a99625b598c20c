"""The decode engine alone: full size, seeded weights, the real host loop, no stop token.

    python benchmarks/decode.py [--small] [--dtype float16] [--cases 1-line 16-lines …]

Prints one JSON line a figure. Refuses where teacher-forced logits leave float32's by more than their tolerance, where
graphs and plain torch draw different tokens, or where the draw on the device is not `sampling.draw`.
"""

import argparse
import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from indextts2_multitalk.accel.engine import Engine, EngineOptions
from indextts2_multitalk.accel.kv_cache import PagedCache
from indextts2_multitalk.accel.sampling import SamplingParams
from indextts2_multitalk.accel.sequence import Request
from indextts2_multitalk.accel.state import DecodeState
from indextts2_multitalk.accel.step import TorchRunner
from indextts2_multitalk.accel.weights import DecoderWeights, LayerWeights
from measure import Refused, drain, emit, seconds

CODES, PROMPT_ROWS = 500, 70
LOGITS_TOLERANCE, EQUAL_ARGMAX = 1e-2, 0.99
FORCED = 100
"""Teacher-forced tokens."""
ALL_FILTERS = SamplingParams(temperature=0.8, top_k=30, top_p=0.8, repetition_penalty=10.0, num_beams=1)
CASES = {
    "1-line": (1, ALL_FILTERS),
    "1-line-3-beams": (1, replace(ALL_FILTERS, num_beams=3)),
    "16-lines": (16, ALL_FILTERS),
    "64-lines": (64, ALL_FILTERS),
}


@dataclass(frozen=True)
class Size:
    layers: int
    width: int
    heads: int
    vocabulary: int
    positions: int


FULL, SMALL = Size(24, 1280, 20, 8194, 1818), Size(1, 64, 2, 201, 600)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a tiny decoder: does the benchmark itself run?")
    parser.add_argument("--dtype", default="float16", choices=["float16", "bfloat16", "float32"])
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    arguments = parser.parse_args()
    dtype, device = getattr(torch, arguments.dtype), torch.device("cuda" if torch.cuda.is_available() else "cpu")
    size = SMALL if arguments.small else FULL
    with torch.inference_mode():
        weights = seeded_weights(size, dtype, device)
        measure_memory(weights, dtype)
        checked = check(weights)
        bandwidth = read_bandwidth(device)
        engine = Engine(weights, EngineOptions(expected_tokens=CODES))
        for case in arguments.cases:
            measure(engine, weights, case, bandwidth, checked)
        measure_first_code(engine, weights, dtype)


def seeded_weights(size: Size, dtype: torch.dtype, device: torch.device) -> DecoderWeights:
    """Random weights made on the device, as large as trained ones are; the stop token cannot be drawn."""
    generator = torch.Generator(device).manual_seed(0)
    d = size.width

    def draw(*shape: int) -> torch.Tensor:
        return (torch.randn(shape, generator=generator, device=device) * 0.02).to(dtype)

    def norm() -> tuple[torch.Tensor, torch.Tensor]:
        return 1 + draw(d), draw(d)

    def layer() -> LayerWeights:
        attention = draw(3 * d, d), draw(3 * d), draw(d, d), draw(d)
        return LayerWeights(*norm(), *attention, *norm(), draw(4 * d, d), draw(4 * d), draw(d, 4 * d), draw(d))

    head_bias = draw(size.vocabulary)
    head_bias[-1] = -1e4
    return DecoderWeights(
        layers=tuple(layer() for _ in range(size.layers)),
        final_norms=((*norm(), 1e-5), (*norm(), 1e-5)),
        head_weight=draw(size.vocabulary, d) * 4,
        head_bias=head_bias,
        token_embedding=draw(size.vocabulary, d),
        position_embedding=draw(size.positions, d),
        heads=size.heads,
        first_position=2,
        stop_token=size.vocabulary - 1,
    )


def converted(weights: DecoderWeights, dtype: torch.dtype) -> DecoderWeights:
    """A copy in another dtype."""

    def convert(value: object) -> object:
        if isinstance(value, tuple):
            return tuple(convert(v) for v in value)
        return value.to(dtype) if isinstance(value, torch.Tensor) else value

    layers = tuple(LayerWeights(*(convert(t) for t in vars(layer).values())) for layer in weights.layers)
    others = {f.name: convert(getattr(weights, f.name)) for f in dataclasses.fields(weights) if f.name != "layers"}
    return DecoderWeights(layers=layers, **others)


def requests(weights: DecoderWeights, lines: int, sampling: SamplingParams, codes: int) -> list[Request]:
    generator = torch.Generator(weights.device).manual_seed(1)
    shape = (PROMPT_ROWS, weights.width)
    prompts = [torch.randn(shape, generator=generator, device=weights.device) * 0.03 for _ in range(lines)]
    return [Request(p.to(weights.dtype), seed, sampling, codes) for seed, p in enumerate(prompts)]


def check(weights: DecoderWeights) -> dict[str, float]:
    """Refuse a wrong engine. Returns what was found, for the result lines."""
    found = {}
    exact = converted(weights, torch.float32)
    for lines in (1, 16):
        error, equal = teacher_forced(weights, exact, lines)
        if error > LOGITS_TOLERANCE or equal < EQUAL_ARGMAX:
            raise Refused(f"logits of {lines} lines: error {error:.2e}, {equal:.2%} equal argmax")
        found |= {f"logits_error_{lines}": round(error, 6), f"equal_argmax_{lines}": round(equal, 4)}
    greedy = replace(ALL_FILTERS, do_sample=False)
    for sampling in (greedy, replace(greedy, repetition_penalty=1.0), replace(greedy, num_beams=3)):
        same_tokens(exact, requests(exact, 3, sampling, 60))
    same_draws(weights)
    return found


def teacher_forced(weights: DecoderWeights, exact: DecoderWeights, lines: int) -> tuple[float, float]:
    """Relative error of the engine's logits against plain float32, and the share of equal argmax."""
    tokens = torch.randint(0, weights.vocabulary - 1, (FORCED // lines + 1, lines), device=weights.device)
    logits = [forced_logits(w, tokens, graphs) for w, graphs in ((weights, True), (exact, False))]
    equal = (logits[0].argmax(-1) == logits[1].argmax(-1)).float().mean()
    return ((logits[0] - logits[1]).norm() / logits[1].norm()).item(), equal.item()


def forced_logits(weights: DecoderWeights, tokens: torch.Tensor, fused: bool) -> torch.Tensor:
    """[T, L, V - 1] without the stop token, whose bias would drown all others. tokens: [T, L]."""
    steps, lines = tokens.shape
    backend = Engine(weights).attention.backend
    columns = -(-(PROMPT_ROWS + steps) // backend.page_size) + 1
    cache = PagedCache.allocate(
        len(weights.layers), lines * columns + 1, backend.page_size, weights.heads, weights.head_dim,
        weights.dtype, weights.device,
    )  # fmt: skip
    todo = requests(weights, lines, ALL_FILTERS, steps)
    state = DecodeState.allocate(lines, 1, weights.vocabulary, columns, steps, weights.device)
    state.fill(todo)
    state.rows.block_tables.copy_((torch.arange(lines * columns) + 1).view(lines, columns))
    plain = TorchRunner(weights, cache, backend)
    slots = state.rows.block_tables.long()[:, :, None] * cache.page_size + torch.arange(
        cache.page_size, device=weights.device
    )
    plain.prefill([r.prompt for r in todo], slots.flatten(1)[:, :PROMPT_ROWS].flatten())
    step = fused_step(weights, cache, state) if fused else lambda: plain._step(state)
    out = []
    for number, each in enumerate(tokens):
        state.rows.tokens.copy_(each)
        state.lanes.steps.fill_(number + 1)
        state.rows.lengths.fill_(PROMPT_ROWS + number)
        out.append(step()[:, :-1].clone())
    return torch.stack(out)


def fused_step(weights: DecoderWeights, cache: PagedCache, state: DecodeState):
    """What a graph captures; on a CPU there is none, and plain torch is compared with itself."""
    if weights.device.type == "cpu":
        plain = TorchRunner(weights, cache, Engine(weights).attention.backend)
        return lambda: plain._step(state)
    from indextts2_multitalk.accel.kernels.step import DecodeStep

    return DecodeStep(weights, cache, state)


def same_tokens(weights: DecoderWeights, todo: Sequence[Request]) -> None:
    drawn = [
        {f.index: f.tokens.tolist() for f in Engine(weights, EngineOptions(graphs=graphs)).generate(todo)}
        for graphs in (True, False)
    ]
    if drawn[0] != drawn[1]:
        raise Refused(f"graphs and plain torch draw different tokens for {todo[0].sampling}")


def same_draws(weights: DecoderWeights) -> None:
    """Draws on equal logits, all filters on."""
    if weights.device.type == "cpu":
        return
    from indextts2_multitalk.accel.choose import choose_next
    from indextts2_multitalk.accel.kernels.sample import draw_next

    todo = requests(weights, 64, ALL_FILTERS, 20)
    states = [DecodeState.allocate(64, 1, weights.vocabulary, 8, 20, weights.device) for _ in range(2)]
    cache = PagedCache.allocate(1, 2, 16, 1, 16, weights.dtype, weights.device)
    for state in states:
        state.fill(todo)
    for _ in range(20):
        logits = torch.randn(64, weights.vocabulary, device=weights.device) * 3
        choose_next(states[0], logits, cache, weights.stop_token)
        draw_next(states[1], logits, weights.stop_token)
    if not torch.equal(states[0].rows.drawn, states[1].rows.drawn):
        raise Refused("the draw on the device is not sampling.draw")


def read_bandwidth(device: torch.device) -> float:
    """Bytes a second that a long sum reads."""
    x = torch.ones(2**30 if device.type == "cuda" else 2**24, dtype=torch.float16, device=device)
    return x.nbytes / seconds(lambda: x.sum(), repeats=10, warm_up=3)


def measure(engine: Engine, weights: DecoderWeights, case: str, bandwidth: float, checked: dict[str, float]) -> None:
    """ms a code and line between the first look of the host and the last, the median of three runs."""
    lines, sampling = CASES[case]
    todo = requests(weights, lines, sampling, CODES)
    list(engine.generate(todo))
    took = sorted(seconds_a_step(engine, todo) for _ in range(3))[1]
    step_bytes = moved_bytes(weights, lines, sampling.num_beams)
    emit(
        "decode", case, 1e3 * took / lines, "ms/code/line", str(weights.dtype),
        ms_a_step=round(1e3 * took, 4), bandwidth_fraction=round(step_bytes / took / bandwidth, 4),
        read_bandwidth_gb_s=round(bandwidth / 1e9, 1), **checked,
        **{k: v for k, v in engine.describe().items() if k in ("attention", "runner")},
    )  # fmt: skip


def seconds_a_step(engine: Engine, todo: Sequence[Request]) -> float:
    looks: list[tuple[int, float]] = []
    drain()
    list(engine.generate(todo, lambda drawn: looks.append((drawn, time.perf_counter()))))
    (first, start), (last, end) = looks[0], looks[-1]
    return (end - start) / (last - first) * len(todo)


def moved_bytes(weights: DecoderWeights, lines: int, beams: int) -> float:
    """Fewest bytes of a step: every matrix once, keys and values of the average context; beams share nearly all."""
    matrices = [t for layer in weights.layers for t in vars(layer).values()] + [weights.head_weight]
    context = PROMPT_ROWS + CODES / 2
    per_token = 2 * len(weights.layers) * weights.width * weights.dtype.itemsize
    return sum(t.nbytes for t in matrices) + lines * context * per_token


def measure_first_code(engine: Engine, weights: DecoderWeights, dtype: torch.dtype) -> None:
    """From the request to the host's first look, warm."""

    todo = requests(weights, 1, ALL_FILTERS, 40)

    def first() -> float:
        drain()
        start = time.perf_counter()
        looks: list[float] = []
        list(engine.generate(todo, lambda drawn: looks.append(time.perf_counter() - start)))
        return looks[0]

    first()
    emit("decode", "first-code", 1e3 * sorted(first() for _ in range(9))[4], "ms", str(dtype))


def measure_memory(weights: DecoderWeights, dtype: torch.dtype) -> None:
    """What a run of one line takes beside the weights: cache, states, buffers, graphs, activations."""
    if weights.device.type != "cuda":
        return
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_reserved()
    engine = Engine(weights, EngineOptions(expected_tokens=CODES))
    list(engine.generate(requests(weights, 1, ALL_FILTERS, CODES)))
    drain()
    extra = torch.cuda.max_memory_reserved() - before
    emit("decode", "extra-memory", extra / 2**30, "GiB", str(dtype), cache_gib=round(engine._pool.bytes / 2**30, 4))
    engine.close()


if __name__ == "__main__":
    main()

"""Is the engine right? Without that the decode benchmark reports nothing."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from decode_model import ALL_FILTERS, PROMPT_ROWS, converted, requests
from indextts2_multitalk.accel.cache.paged_cache import PagedCache
from indextts2_multitalk.accel.engine import Engine, EngineOptions
from indextts2_multitalk.accel.request import Request
from indextts2_multitalk.accel.runners.torch_runner import TorchRunner
from indextts2_multitalk.accel.state import DecodeState
from indextts2_multitalk.accel.weights import DecoderWeights
from measure import Refused

LOGITS_TOLERANCE, EQUAL_ARGMAX = 1e-2, 0.99
INT8_TOLERANCE, INT8_EQUAL_ARGMAX = 3e-2, 0.95
"""Of seeded weights in 8 bits against what they were made of: scales for each row reach no more."""
FORCED = {1: 100, 16: 100, 64: 640}
"""Teacher-forced tokens by lines."""


def check(weights: DecoderWeights) -> dict[str, float]:
    """Refuse a wrong engine. Returns what was found, for the result lines."""
    found = {}
    exact = converted(weights, torch.float32)
    for lines in FORCED:
        error, equal = teacher_forced(weights, exact, lines)
        if error > LOGITS_TOLERANCE or equal < EQUAL_ARGMAX:
            raise Refused(f"logits of {lines} lines: error {error:.2e}, {equal:.2%} equal argmax")
        found |= {f"logits_error_{lines}": round(error, 6), f"equal_argmax_{lines}": round(equal, 4)}
    greedy = replace(ALL_FILTERS, do_sample=False)
    for sampling in (greedy, replace(greedy, repetition_penalty=1.0), replace(greedy, num_beams=3)):
        same_tokens(exact, requests(exact, 3, sampling, 60))
    same_draws(weights)
    return found


def check_quantized(weights: DecoderWeights, whole: DecoderWeights) -> dict[str, float]:
    """Refuse a wrong engine, and weights in 8 bits that are too far from those they were made of."""
    found = check(weights)
    error, equal = teacher_forced(weights, converted(whole, torch.float32), 16)
    if error > INT8_TOLERANCE or equal < INT8_EQUAL_ARGMAX:
        raise Refused(f"8 bits: logits {error:.2e} off, {equal:.2%} equal argmax")
    return found | {"int8_logits_error": round(error, 6), "int8_equal_argmax": round(equal, 4)}


def teacher_forced(weights: DecoderWeights, exact: DecoderWeights, lines: int) -> tuple[float, float]:
    """Relative error of the engine's logits against plain float32, and the share of equal argmax."""
    generator = torch.Generator(weights.device).manual_seed(3)
    shape = (FORCED[lines] // lines + 1, lines)
    tokens = torch.randint(0, weights.vocabulary - 1, shape, generator=generator, device=weights.device)
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
    state.start_requests(todo)
    state.rows.block_tables.copy_((torch.arange(lines * columns) + 1).view(lines, columns))
    plain = TorchRunner(weights, cache, backend)
    slots = state.rows.block_tables.long()[:, :, None] * cache.page_size + torch.arange(
        cache.page_size, device=weights.device
    )
    plain.prefill([r.prompt for r in todo], slots.flatten(1)[:, :PROMPT_ROWS].flatten())
    step = fused_step(weights, cache, state) if fused else lambda: plain.decode_logits(state)
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
        return lambda: plain.decode_logits(state)
    from indextts2_multitalk.accel.kernels.decode_step import DecodeStep

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
    from indextts2_multitalk.accel.kernels.sampling.draw import draw_next
    from indextts2_multitalk.accel.next_token import choose_next

    todo = requests(weights, 64, ALL_FILTERS, 20)
    states = [DecodeState.allocate(64, 1, weights.vocabulary, 8, 20, weights.device) for _ in range(2)]
    cache = PagedCache.allocate(1, 2, 16, 1, 16, weights.dtype, weights.device)
    for state in states:
        state.start_requests(todo)
    generator = torch.Generator(weights.device).manual_seed(2)
    for _ in range(20):
        logits = torch.randn(64, weights.vocabulary, generator=generator, device=weights.device) * 3
        choose_next(states[0], logits, cache, weights.stop_token)
        draw_next(states[1], logits, weights.stop_token)
    # Past its stop token a line's draws go to the last column, or nowhere.
    if not torch.equal(*(state.rows.drawn[:, :-1] for state in states)):
        raise Refused("the draw on the device is not sampler.sample_tokens")

"""What the decode benchmark decodes: seeded weights as large as the released ones, and requests for them."""

import dataclasses
from dataclasses import dataclass

import torch
from indextts2_multitalk.accel.quantization import quantize_rows
from indextts2_multitalk.accel.request import Request
from indextts2_multitalk.accel.sampling.params import SamplingParams
from indextts2_multitalk.accel.weights import MATRICES, DecoderWeights, LayerWeights

CODES, PROMPT_ROWS = 500, 70
"""10 s of IndexTTS-2, with a usual text."""


@dataclass(frozen=True)
class Length:
    """Of a line: its codes and its prompt's rows."""

    codes: int = CODES
    rows: int = PROMPT_ROWS


LENGTHS = {"2.0": Length(), "2.5": Length(250, 39)}
"""What 10 s take with each version; nothing else of decoding differs."""
ALL_FILTERS = SamplingParams(temperature=0.8, top_k=30, top_p=0.8, repetition_penalty=10.0, num_beams=1)


@dataclass(frozen=True)
class Size:
    layers: int
    width: int
    heads: int
    vocabulary: int
    positions: int


FULL, SMALL = Size(24, 1280, 20, 8194, 1818), Size(1, 64, 2, 201, 600)


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


def quantized(weights: DecoderWeights) -> DecoderWeights:
    """A copy with the layers' matrices in 8 bits; what is not quantized is shared."""

    def quantize(layer: LayerWeights) -> LayerWeights:
        parts = {}
        for name in MATRICES:
            parts[f"{name}_weight"], parts[f"{name}_scales"] = quantize_rows(getattr(layer, f"{name}_weight"))
        return dataclasses.replace(layer, **parts)

    return dataclasses.replace(weights, layers=tuple(map(quantize, weights.layers)))


def converted(weights: DecoderWeights, dtype: torch.dtype) -> DecoderWeights:
    """A copy in another dtype; what is in 8 bits stays so."""

    def convert(value: object) -> object:
        if isinstance(value, tuple):
            return tuple(convert(v) for v in value)
        return value.to(dtype) if isinstance(value, torch.Tensor) and value.is_floating_point() else value

    layers = tuple(LayerWeights(*(convert(t) for t in vars(layer).values())) for layer in weights.layers)
    others = {f.name: convert(getattr(weights, f.name)) for f in dataclasses.fields(weights) if f.name != "layers"}
    return DecoderWeights(layers=layers, **others)


def requests(
    weights: DecoderWeights, lines: int, sampling: SamplingParams, codes: int, rows: int = PROMPT_ROWS
) -> list[Request]:
    """rows: of each prompt."""
    generator = torch.Generator(weights.device).manual_seed(1)
    shape = (rows, weights.width)
    prompts = [torch.randn(shape, generator=generator, device=weights.device) * 0.03 for _ in range(lines)]
    return [Request(p.to(weights.dtype), seed, sampling, codes) for seed, p in enumerate(prompts)]

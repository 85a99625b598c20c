"""A decoder small enough to run thousands of steps in a test; knows the engine's contract and nothing else."""

import torch
from indextts2_multitalk.accel.weights import DecoderWeights, LayerWeights

WIDTH, HEADS, LAYERS, VOCABULARY, POSITIONS, STOP = 16, 2, 2, 23, 50, 22


def tiny_weights(seed: int = 0, stop_bias: float = 0.0, scale: float = 0.4) -> DecoderWeights:
    """Random float32 weights; a lower `stop_bias` makes longer sequences. The first token takes position row 2."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator) * scale

    def layer() -> LayerWeights:
        d = WIDTH
        norm = (1 + normal(d) / 4, normal(d))
        qkv, out = (normal(3 * d, d), normal(3 * d)), (normal(d, d), normal(d))
        return LayerWeights(*norm, *qkv, *out, *norm, normal(4 * d, d), normal(4 * d), normal(d, 4 * d), normal(d))

    head_bias = normal(VOCABULARY)
    head_bias[STOP] += stop_bias
    return DecoderWeights(
        layers=tuple(layer() for _ in range(LAYERS)),
        final_norms=((1 + normal(WIDTH) / 4, normal(WIDTH), 1e-5), (1 + normal(WIDTH) / 4, normal(WIDTH), 1e-5)),
        head_weight=normal(VOCABULARY, WIDTH),
        head_bias=head_bias,
        token_embedding=normal(VOCABULARY, WIDTH),
        position_embedding=normal(POSITIONS, WIDTH),
        heads=HEADS,
        first_position=2,
        stop_token=STOP,
    )


def random_prompt(rows: int, seed: int) -> torch.Tensor:
    """[rows, D]."""
    return torch.randn(rows, WIDTH, generator=torch.Generator().manual_seed(seed))

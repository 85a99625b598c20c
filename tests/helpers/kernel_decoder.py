"""A decoder as small as the kernels take: heads 16 wide."""

import torch
from helpers.kernels import normal
from indextts2_multitalk.accel.weights import DecoderWeights, LayerWeights

WIDTH, HEADS, VOCABULARY = 32, 2, 23


def weights(dtype: torch.dtype, final_norms: int, layers: int = 2) -> DecoderWeights:
    """The last token stops."""
    seeds = iter(range(1000))

    def draw(*shape: int) -> torch.Tensor:
        return (normal(*shape, seed=next(seeds)) * 0.2).to(dtype)

    def norm() -> tuple[torch.Tensor, torch.Tensor]:
        return 1 + draw(WIDTH), draw(WIDTH)

    def layer() -> LayerWeights:
        d = WIDTH
        attention = draw(3 * d, d), draw(3 * d), draw(d, d), draw(d)
        return LayerWeights(*norm(), *attention, *norm(), draw(4 * d, d), draw(4 * d), draw(d, 4 * d), draw(d))

    return DecoderWeights(
        layers=tuple(layer() for _ in range(layers)),
        final_norms=tuple((*norm(), 1e-5) for _ in range(final_norms)),
        head_weight=draw(VOCABULARY, WIDTH),
        head_bias=draw(VOCABULARY),
        token_embedding=draw(VOCABULARY, WIDTH),
        position_embedding=draw(20, WIDTH),
        heads=HEADS,
        first_position=2,
        stop_token=VOCABULARY - 1,
    )

"""Emotion vectors: weights of eight emotions, blended by the released table and mixed with the speaker's own.

D the GPT's width, R rows of the released emotion matrix, in 8 groups in the order of `records.EMOTIONS`.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import CheckpointError, EmotionError
from ..records import EMOTIONS

USER_FACTORS = (0.9375, 0.875, 1.0, 1.0, 0.9375, 0.9375, 0.6875, 0.5625)
"""What a user's weights are multiplied by: emotions that distort the voice weigh less."""
MAX_USER_SUM = 0.8

EmotionWeights = tuple[float, ...]


def temper_user_weights(vector: Sequence[float] | None) -> EmotionWeights:
    """A user's eight weights, tempered by `USER_FACTORS` and scaled down where they add up to more than 0.8.

    Raises `EmotionError` unless there are eight finite numbers, none negative.
    """
    if vector is None or len(vector) != len(EMOTIONS):
        got = "none" if vector is None else f"{len(vector)}"
        raise EmotionError(f"Emotion vector: got {got}, expected {len(EMOTIONS)} weights: {', '.join(EMOTIONS)}")
    for name, weight in zip(EMOTIONS, vector, strict=True):
        if not (math.isfinite(weight) and weight >= 0):
            raise EmotionError(f"Emotion vector: got {weight} for {name}, expected a number from 0 to 1; mend it")
    tempered = [weight * factor for weight, factor in zip(vector, USER_FACTORS, strict=True)]
    total = sum(tempered)
    scale = MAX_USER_SUM / total if total > MAX_USER_SUM else 1.0
    return tuple(weight * scale for weight in tempered)


def scale_weights(weights: EmotionWeights, alpha: float) -> EmotionWeights:
    """Weights times `alpha`, which counts as 0 below 0 and as 1 above 1."""
    strength = min(1.0, max(0.0, alpha))
    return tuple(weight * strength for weight in weights)


def mix_emotions(base: Tensor, emotion: Tensor, alpha: float) -> Tensor:
    """From the speaker's own vector [D] towards another's: 0 is the speaker's, 1 the other's, 2 beyond it."""
    return base + alpha * (emotion - base)


class EmotionTable(nn.Module):
    """The released emotion matrix: for each emotion, vectors of several voices and those voices' styles.

    State: `styles` [R, style width] (feat1.pt) and `vectors` [R, D] (feat2.pt). `rows` says how many each group has.
    """

    styles: Tensor
    vectors: Tensor

    def __init__(self, rows: Sequence[int], style_width: int, width: int) -> None:
        super().__init__()
        if len(rows) != len(EMOTIONS) or min(rows) < 1:
            raise CheckpointError(
                f"emo_num: got {list(rows)}, expected {len(EMOTIONS)} counts of at least 1; "
                "use the config.yaml released with IndexTTS-2"
            )
        self.rows = tuple(rows)
        self.register_buffer("styles", torch.zeros(sum(rows), style_width))
        self.register_buffer("vectors", torch.zeros(sum(rows), width))

    def blend_emotions(self, weights: EmotionWeights, style: Tensor, base: Tensor) -> Tensor:
        """Emotion vector [D] of eight weights for a voice of this style [S] and base vector [D].

        In each group the row counts whose style is nearest to the voice's; what the weights leave of 1 is the base's.
        """
        nearest = self._nearest_vectors(style)  # [8, D]
        shares = torch.tensor(weights, dtype=torch.float32).to(nearest.device, non_blocking=True)
        return (shares @ nearest + (1 - math.fsum(weights)) * base.float()).to(base.dtype)

    def _nearest_vectors(self, style: Tensor) -> Tensor:
        similarity = functional.cosine_similarity(style.float()[None], self.styles.float(), dim=1)  # [R]
        chosen, first = [], 0
        for group in similarity.split(self.rows):
            chosen.append(first + group.argmax())
            first += len(group)
        return self.vectors[torch.stack(chosen)].float()

"""A decoder's weights as the engine sees them: references to the owner's tensors, never copies.

Dimensions: D width, V vocabulary, P position rows, H heads.
A pre-norm GPT-2 block: x += out(attention(qkv(ln_1(x)))); x += proj(gelu(fc(ln_2(x)))).
All matrices are [out, in], row-major, contiguous; GELU is the tanh approximation. Those of the layers
may be int8 with a scale for each row (quantization.py); all else is of one dtype.
"""

from dataclasses import dataclass

import torch

MATRICES = ("qkv", "out", "fc", "proj")


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """One block: norms [D], qkv [3D, D] (queries, keys, values in that order), out [D, D], fc [4D, D], proj [D, 4D].

    scales: float32, one for each row of a matrix in 8 bits; None of any other.
    """

    ln_1_weight: torch.Tensor
    ln_1_bias: torch.Tensor
    qkv_weight: torch.Tensor
    qkv_bias: torch.Tensor
    out_weight: torch.Tensor
    out_bias: torch.Tensor
    ln_2_weight: torch.Tensor
    ln_2_bias: torch.Tensor
    fc_weight: torch.Tensor
    fc_bias: torch.Tensor
    proj_weight: torch.Tensor
    proj_bias: torch.Tensor
    qkv_scales: torch.Tensor | None = None
    out_scales: torch.Tensor | None = None
    fc_scales: torch.Tensor | None = None
    proj_scales: torch.Tensor | None = None


@dataclass(frozen=True, eq=False)
class DecoderWeights:
    """Everything one decode step needs.

    layers: blocks from the bottom up. final_norms: (weight [D], bias [D], eps), applied one after another before the
    head. head_weight [V, D], head_bias [V]. token_embedding [V, D], position_embedding [P, D].
    first_position: the row of `position_embedding` that the first generated token takes when it enters the decoder;
    the k-th generated token (k = 1, 2, …) takes row first_position + k - 1. Prompts come as finished embeddings.
    stop_token ends a sequence. eps is that of the blocks' own norms.
    """

    layers: tuple[LayerWeights, ...]
    final_norms: tuple[tuple[torch.Tensor, torch.Tensor, float], ...]
    head_weight: torch.Tensor
    head_bias: torch.Tensor
    token_embedding: torch.Tensor
    position_embedding: torch.Tensor
    heads: int
    first_position: int
    stop_token: int
    eps: float = 1e-5

    def __post_init__(self) -> None:
        assert self.layers, "a decoder has at least one layer"
        assert self.width % self.heads == 0, f"width {self.width} does not split into {self.heads} heads"
        assert 0 <= self.stop_token < self.vocabulary, f"stop token {self.stop_token} outside 0..{self.vocabulary - 1}"
        size = (self.vocabulary, self.width)
        for name, shape in {"head_weight": size, "head_bias": size[:1], "token_embedding": size}.items():
            tensor = getattr(self, name)
            assert tuple(tensor.shape) == shape, f"{name} is {tuple(tensor.shape)}, expected {shape}"
        for number, layer in enumerate(self.layers):
            for name, shape in _layer_shapes(self.width).items():
                tensor = getattr(layer, name)
                assert tuple(tensor.shape) == shape, (
                    f"layer {number}: {name} is {tuple(tensor.shape)}, expected {shape}"
                )
                assert tensor.is_contiguous(), f"layer {number}: {name} is not contiguous"
            for name in MATRICES:
                weight, scales = getattr(layer, f"{name}_weight"), getattr(layer, f"{name}_scales")
                assert (weight.dtype is torch.int8) == (scales is not None), (
                    f"layer {number}: {name} is {weight.dtype}, {'without' if scales is None else 'with'} scales"
                )
                assert scales is None or scales.shape == weight.shape[:1], f"layer {number}: scales of {name}"

    @property
    def quantized(self) -> bool:
        """Whether the layers' matrices are in 8 bits."""
        return self.layers[0].qkv_scales is not None

    @property
    def width(self) -> int:
        return self.position_embedding.shape[1]

    @property
    def head_dim(self) -> int:
        return self.width // self.heads

    @property
    def vocabulary(self) -> int:
        return self.head_weight.shape[0]

    @property
    def max_tokens(self) -> int:
        """Most tokens one sequence can draw: each but the last enters again and needs a position row."""
        return self.position_embedding.shape[0] - self.first_position + 1

    @property
    def device(self) -> torch.device:
        return self.head_weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.head_weight.dtype


def _layer_shapes(width: int) -> dict[str, tuple[int, ...]]:
    norm, qkv, out, fc, proj = (width,), (3 * width, width), (width, width), (4 * width, width), (width, 4 * width)
    weights = {"ln_1": norm, "qkv": qkv, "out": out, "ln_2": norm, "fc": fc, "proj": proj}
    biases = {f"{name}_bias": shape[:1] for name, shape in weights.items()}
    return {**{f"{name}_weight": shape for name, shape in weights.items()}, **biases}

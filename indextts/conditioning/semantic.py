"""w2v-bert-2.0 up to the layer whose output is the semantic features (arXiv 2312.05187).

T tokens (50 a second), W semantic width.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..config import PreprocessorConfig, W2VBertConfig, check_fields, read_mapping
from ..errors import CheckpointError
from .features import SEMANTIC_SAMPLE_RATE, seamless_features
from .w2v_bert import W2VBertLayer, build_attention_inputs, build_feature_projection

IGNORED = ("masked_spec_embed", "adapter.*", "intermediate_ffn.*", "encoder.layers.*")
"""The trainer's mask, what follows the encoder, and layers above the one that is read."""

FOLDER = "w2v-bert-2.0"
KIND = "that of facebook/w2v-bert-2.0"

_PROJECTION = re.compile(r"\.self_attn\.linear_[qkv]\.")


class SemanticEncoder(nn.Module):
    """The first `layers` layers of a Hugging Face folder's model, and the statistics its output is normalized by.

    Weights may be stored in half precision; every step is computed in float32. State: what `rename_semantic_weights`
    gives, with `mean` and `var` [W] of `wav2vec2bert_stats.pt`. The whole model's hidden state k is the output of its
    k-th layer with no norm after it: what a model of k layers ends on.
    """

    mean: Tensor
    var: Tensor

    def __init__(self, config: Mapping[str, Any], preprocessor: Mapping[str, Any], layers: int) -> None:
        super().__init__()
        _check_kind(config)
        self.config = check_fields(W2VBertConfig, config, Path(FOLDER, "config.json"), KIND)
        recipe = check_fields(PreprocessorConfig, preprocessor, Path(FOLDER, "preprocessor_config.json"), KIND)
        _check_layers(self.config, recipe, layers)
        self.feature_projection = build_feature_projection(self.config)
        self.layers = nn.ModuleList(W2VBertLayer(self.config) for _ in range(layers))
        self.stride, self.bands, self.padding_value = recipe.stride, recipe.num_mel_bins, recipe.padding_value
        self.register_buffer("mean", torch.zeros(self.width))
        self.register_buffer("var", torch.ones(self.width))

    @classmethod
    def from_folder(cls, folder: Path, layers: int) -> "SemanticEncoder":
        """An encoder without weights, as the folder's config.json and preprocessor_config.json describe it.

        Raises `ConfigError` or `CheckpointError` where a file is missing, unreadable or of another kind of model.
        """
        config, preprocessor = (
            read_mapping(folder / name, KIND) for name in ("config.json", "preprocessor_config.json")
        )
        return cls(config, preprocessor, layers)

    @property
    def width(self) -> int:
        return self.config.hidden_size

    @property
    def device(self) -> torch.device:
        return self.mean.device

    def forward(self, energies: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """`KaldiFilterBank` energies [F, bands] of one recording to normalized semantic features [1, T, W], float32.

        `padding_mask` [F]: see `padding.py`; F is then a multiple of the stride.
        """
        features, token_mask = self.stack_frames(energies, padding_mask)
        return self.encode_features(features, token_mask)

    def stack_frames(self, energies: Tensor, padding_mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Input features [1, T, stride * bands] of energies [F, bands], and bool [T], True for whole tokens."""
        return seamless_features(energies, self.stride, self.padding_value, padding_mask)

    def encode_features(self, features: Tensor, token_mask: Tensor) -> Tensor:
        """Input features [1, T, stride * bands] to semantic features [1, T, W].

        Any number of tokens of padding may follow: only attention looks ahead, and they are masked there.
        """
        x = self.feature_projection(features).masked_fill(~token_mask[:, None], 0.0)
        inputs = build_attention_inputs(token_mask, self.config)
        for layer in self.layers:
            x = layer(x, inputs)
        return (x - self.mean.float()) / self.var.float().sqrt()


def layer_prefixes(layers: int) -> tuple[str, ...]:
    """Prefixes of the names that the first `layers` layers' tensors have in the folder's file."""
    return ("feature_projection.", *(f"encoder.layers.{layer}." for layer in range(layers)))


def rename_semantic_weights(
    state: Mapping[str, Tensor], statistics: Mapping[str, Tensor], layers: int
) -> dict[str, Tensor]:
    """The folder's tensors that the first `layers` layers need, and the statistics, under the module's names.

    Queries, keys and values are one projection, convolutions over one token matrices. Raises KeyError where one is
    missing.
    """
    needed = {
        name.removeprefix("encoder."): tensor.squeeze(-1) if ".pointwise_conv" in name else tensor
        for part in layer_prefixes(layers)
        for name, tensor in state.items()
        if name.startswith(part) and not _PROJECTION.search(name)
    }
    for part in layer_prefixes(layers)[1:]:
        stem = f"{part}self_attn.linear_"
        for leaf in ("weight", "bias"):
            joined = torch.cat([state[f"{stem}{which}.{leaf}"] for which in "qkv"])
            needed[f"{stem.removeprefix('encoder.')}qkv.{leaf}"] = joined
    return needed | {"mean": statistics["mean"], "var": statistics["var"]}


def _check_kind(config: Mapping[str, Any]) -> None:
    expected = {
        "model_type": (config.get("model_type"), "wav2vec2-bert"),
        "position_embeddings_type": (config.get("position_embeddings_type", "relative_key"), "relative_key"),
        "hidden_act": (config.get("hidden_act", "swish"), "swish"),
    }
    for name, (got, wanted) in expected.items():
        if got != wanted:
            raise CheckpointError(f"w2v-bert {name}: got {got!r:.60}, expected {wanted!r}; use facebook/w2v-bert-2.0")


def _check_layers(config: W2VBertConfig, recipe: PreprocessorConfig, layers: int) -> None:
    if recipe.sampling_rate != SEMANTIC_SAMPLE_RATE:
        raise CheckpointError(
            f"w2v-bert sampling_rate: got {recipe.sampling_rate}, expected {SEMANTIC_SAMPLE_RATE}; "
            "use facebook/w2v-bert-2.0"
        )
    if not 1 <= layers <= config.num_hidden_layers:
        raise CheckpointError(
            f"w2v-bert: got {config.num_hidden_layers} layers, expected at least the {layers} whose output is read; "
            "use facebook/w2v-bert-2.0, or set semantic_layer in config.yaml"
        )

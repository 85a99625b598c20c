"""w2v-bert-2.0 up to the layer whose output is the semantic features (arXiv 2312.05187).

T tokens (50 a second), W semantic width.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..errors import CheckpointError
from .features import SEMANTIC_SAMPLE_RATE, seamless_features

IGNORED = ("masked_spec_embed", "adapter.*", "intermediate_ffn.*", "encoder.layers.*")
"""The trainer's mask, what follows the encoder, and layers above the one that is read."""


class SemanticEncoder(nn.Module):
    """The first `layers` layers of a Hugging Face folder's model, and the statistics its output is normalized by.

    Weights may be stored in half precision; every step is computed in float32. State: the tensors that `rename` gives,
    with `mean` and `var` [W] of `wav2vec2bert_stats.pt`. The whole model's hidden state k is the output of its k-th
    layer with no norm after it: what a model of k layers ends on.
    """

    mean: Tensor
    var: Tensor

    def __init__(self, config: Mapping[str, Any], preprocessor: Mapping[str, Any], layers: int) -> None:
        from transformers import Wav2Vec2BertConfig, Wav2Vec2BertModel  # takes longer to import than all the rest

        super().__init__()
        _check(config, preprocessor, layers)
        without = {"add_adapter": False, "use_intermediate_ffn_before_adapter": False, "apply_spec_augment": False}
        sizes = {"num_hidden_layers": layers, "mask_time_prob": 0.0, "mask_feature_prob": 0.0, "layerdrop": 0.0}
        self.model = Wav2Vec2BertModel(Wav2Vec2BertConfig.from_dict({**config, **without, **sizes})).eval()
        self.model.feature_projection = _InFloat32(self.model.feature_projection)
        encoder = self.model.encoder
        encoder.layers = nn.ModuleList(_InFloat32(layer) for layer in encoder.layers)
        self.stride = int(preprocessor.get("stride", 2))
        self.bands = int(preprocessor.get("num_mel_bins", 80))
        self.padding_value = float(preprocessor.get("padding_value", 0.0))
        self.register_buffer("mean", torch.zeros(self.width))
        self.register_buffer("var", torch.ones(self.width))

    @classmethod
    def from_folder(cls, folder: Path, layers: int) -> "SemanticEncoder":
        """An encoder without weights, as the folder's config.json and preprocessor_config.json describe it.

        Raises `CheckpointError` where a file is missing, unreadable or of another kind of model.
        """
        return cls(_read(folder / "config.json"), _read(folder / "preprocessor_config.json"), layers)

    @property
    def width(self) -> int:
        return self.model.config.hidden_size

    def forward(self, energies: Tensor) -> Tensor:
        """`KaldiFilterBank` energies [F, bands] of one recording to normalized semantic features [1, T, W], float32."""
        features, mask = seamless_features(energies, self.stride, self.padding_value)
        hidden = self.model(input_features=features.float(), attention_mask=mask).last_hidden_state
        return (hidden - self.mean.float()) / self.var.float().sqrt()


class _InFloat32(nn.Module):
    """A module whose weights are widened for the length of a call: half the memory, the precision of float32."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *inputs: Any, **named: Any) -> Any:
        widened = {name: tensor.float() for name, tensor in self.inner.state_dict(keep_vars=True).items()}
        return functional_call(self.inner, widened, inputs, named)


def parts(layers: int) -> tuple[str, ...]:
    """Where in the folder's file the first `layers` layers' tensors are: prefixes of their names."""
    return ("feature_projection.", *(f"encoder.layers.{layer}." for layer in range(layers)))


def rename(state: Mapping[str, Tensor], statistics: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """The folder's tensors that the first `layers` layers need, and the statistics, under the module's names."""
    needed = {
        f"model.{part}inner.{name.removeprefix(part)}": tensor
        for part in parts(layers)
        for name, tensor in state.items()
        if name.startswith(part)
    }
    return needed | {"mean": statistics["mean"], "var": statistics["var"]}


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: missing; download the folder facebook/w2v-bert-2.0 again") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read as JSON ({error}); download the file again") from error
    if not isinstance(data, dict):
        raise CheckpointError(f"{path}: got {type(data).__name__}, expected a mapping; download the file again")
    return data


def _check(config: Mapping[str, Any], preprocessor: Mapping[str, Any], layers: int) -> None:
    expected = {
        "model_type": (config.get("model_type"), "wav2vec2-bert"),
        # The other kinds keep tables that a model built on the meta device would lack.
        "position_embeddings_type": (config.get("position_embeddings_type", "relative_key"), "relative_key"),
        "sampling_rate": (preprocessor.get("sampling_rate", SEMANTIC_SAMPLE_RATE), SEMANTIC_SAMPLE_RATE),
    }
    for name, (got, wanted) in expected.items():
        if got != wanted:
            raise CheckpointError(f"w2v-bert {name}: got {got!r}, expected {wanted!r}; use facebook/w2v-bert-2.0")
    available = config.get("num_hidden_layers", 24)
    if not 1 <= layers <= available:
        raise CheckpointError(
            f"w2v-bert: got {available} layers, expected at least the {layers} whose output is read; "
            "use facebook/w2v-bert-2.0, or set semantic_layer in config.yaml"
        )

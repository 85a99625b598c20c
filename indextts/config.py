"""Typed configuration, read from a released folder's `config.yaml` or from `configs/*.yaml`.

Field names are the released file's; keys that only the trainer reads are named here and left unread. A key nobody
knows is one warning in a file from elsewhere and an error in our own.
"""

import json
import logging
import operator
import re
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..s2mel.config import S2MelConfig, StrictConfig
from .errors import ConfigError

logger = logging.getLogger(__name__)

AnyConfig = TypeVar("AnyConfig", bound=BaseModel)

_REFERENCE = re.compile(r"\$\{([\w.]+)\}")
"""OmegaConf's name for the value of another key of the file."""


class ConformerConfig(StrictConfig):
    output_size: int
    linear_units: int
    attention_heads: int
    num_blocks: int
    input_layer: str = "conv2d2"
    perceiver_mult: int = 2


class GPTConfig(StrictConfig):
    model_dim: int
    heads: int
    layers: int
    max_mel_tokens: int
    max_text_tokens: int
    number_text_tokens: int
    number_mel_codes: int
    start_mel_token: int
    stop_mel_token: int
    condition_module: ConformerConfig
    emo_condition_module: ConformerConfig
    start_text_token: int = 0
    stop_text_token: int = 1
    condition_type: str = "conformer_perceiver"
    use_mel_codes_as_input: bool = True
    mel_length_compression: int = 1024
    train_solo_embeddings: bool = False

    @property
    def head_dim(self) -> int:
        return self.model_dim // self.heads


class SemanticCodecConfig(StrictConfig):
    codebook_size: int
    hidden_size: int
    codebook_dim: int
    vocos_dim: int
    vocos_intermediate_dim: int
    vocos_num_layers: int


class BigVGANConfig(BaseModel):
    """Section of `bigvgan/config.json` that inference reads; the file also holds the trainer's settings."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    upsample_rates: tuple[int, ...]
    upsample_kernel_sizes: tuple[int, ...]
    upsample_initial_channel: int
    resblock_kernel_sizes: tuple[int, ...]
    resblock_dilation_sizes: tuple[tuple[int, ...], ...]
    resblock: str = "1"
    activation: str = "snakebeta"
    snake_logscale: bool = True
    use_tanh_at_final: bool = True
    use_bias_at_final: bool = True
    num_mels: int = 80
    n_fft: int = 1024
    hop_size: int = 256
    win_size: int = 1024
    sampling_rate: int = 22050
    fmin: float = 0
    fmax: float | None = None


class W2VBertConfig(BaseModel):
    """What inference reads of w2v-bert's `config.json`; the rest is the trainer's, or of parts that are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    hidden_size: int = 1024
    intermediate_size: int = 4096
    num_hidden_layers: int = 24
    num_attention_heads: int = 16
    feature_projection_input_dim: int = 160
    conv_depthwise_kernel_size: int = 31
    left_max_position_embeddings: int = 64
    right_max_position_embeddings: int = 8
    layer_norm_eps: float = 1e-5

    @property
    def relative_position_count(self) -> int:
        """Relative positions of a key from its query; farther ones count as the last."""
        return self.left_max_position_embeddings + self.right_max_position_embeddings + 1


class DatasetConfig(StrictConfig):
    bpe_model: str = "bpe.model"
    sample_rate: int = 24000
    squeeze: bool = False
    mel: dict[str, Any] = Field(default_factory=dict)


class VocoderConfig(StrictConfig):
    name: str = "nvidia/bigvgan_v2_22khz_80band_256x"
    type: str = "bigvgan"


class ModelConfig(StrictConfig):
    """A released folder's `config.yaml`. File names are relative to the folder."""

    gpt: GPTConfig
    semantic_codec: SemanticCodecConfig
    s2mel: S2MelConfig
    dataset: DatasetConfig = DatasetConfig()
    vocoder: VocoderConfig = VocoderConfig()
    gpt_checkpoint: str = "gpt.pth"
    s2mel_checkpoint: str = "s2mel.pth"
    w2v_stat: str = "wav2vec2bert_stats.pt"
    emo_matrix: str = "feat2.pt"
    spk_matrix: str = "feat1.pt"
    emo_num: tuple[int, ...] = (3, 17, 2, 8, 4, 5, 10, 24)
    qwen_emo_path: str = "qwen0.6bemo4-merge/"
    version: float = 2.0
    # Not in released files: which w2v-bert hidden state holds the semantic features. Small models set their own.
    semantic_layer: int = 17


def load_model_config(path: Path, strict: bool = False) -> ModelConfig:
    """Read a `config.yaml`. Raises `ConfigError` naming file and key where one is missing or of the wrong kind.

    strict: also for a key nobody knows, which is a warning otherwise.
    """
    return _validate_config(ModelConfig, path, "the config.yaml released with IndexTTS-2", strict)


def load_vocoder_config(path: Path) -> BigVGANConfig:
    """Read a `bigvgan/config.json`. Raises `ConfigError` naming file and key on anything unexpected."""
    return _validate_config(BigVGANConfig, path, "the config.json of nvidia/bigvgan_v2_22khz_80band_256x")


def read_config_file(path: Path) -> Any:
    """What a JSON file or an OmegaConf YAML file holds, references to its own keys resolved. Raises `ConfigError`."""
    try:
        from omegaconf import OmegaConf  # not before it is needed: it would be a tenth of the pack's own imports
        from omegaconf.errors import OmegaConfBaseException
        from yaml import YAMLError
    except ModuleNotFoundError as error:
        # Packs that are updated without their requirements, as by git pull, come here first.
        raise ConfigError(
            f"{path}: cannot be read ({error}); install the pack's requirements: pip install -r requirements.txt"
        ) from error
    try:
        if path.suffix == ".json":
            return json.loads(path.read_text(encoding="utf-8"))
        data = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
        return _follow_references(data, data)
    except (OSError, ValueError, RecursionError, YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); download {path.name} again") from error


def _follow_references(part: Any, whole: Any) -> Any:
    """`part` of a file's data, its references to single values of `whole` replaced by these.

    The file is a stranger's: OmegaConf's resolvers could read the environment, and text or sections made of others
    could double at every step. Such interpolations stay as they are written, as does what leads nowhere.
    """
    if isinstance(part, dict):
        return {key: _follow_references(value, whole) for key, value in part.items()}
    if isinstance(part, list):
        return [_follow_references(value, whole) for value in part]
    reference = _REFERENCE.fullmatch(part) if isinstance(part, str) else None
    try:
        value = reduce(operator.getitem, reference[1].split("."), whole) if reference else part
    except (KeyError, TypeError):
        return part
    return part if isinstance(value, dict | list) or "${" in str(value) else value


def _validate_config(model: type[AnyConfig], path: Path, expected: str, strict: bool = True) -> AnyConfig:
    data = read_config_file(path)
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: got {type(data).__name__}, expected a mapping: {expected}")
    if not strict:
        _drop_unknown_keys(model, data, path)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = "; ".join(f"{_dotted_key(e['loc'])}: {e['msg']} (got {e['input']!r:.60})" for e in error.errors())
        raise ConfigError(f"{path}: {problems}. Expected {expected}") from error


def _drop_unknown_keys(model: type[BaseModel], data: dict[str, Any], path: Path) -> None:
    try:
        model.model_validate(data)
    except ValidationError as error:
        unknown = [e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"]
        for *sections, key in unknown:
            holder: Any = reduce(operator.getitem, sections, cast(Any, data))
            del holder[key]
        if unknown:
            logger.warning("%s: keys not known here, left unread: %s", path, ", ".join(map(_dotted_key, unknown)))


def _dotted_key(place: Sequence[int | str]) -> str:
    return ".".join(map(str, place))

"""Typed configuration, read from a released folder's `config.yaml` or from `configs/*.yaml`.

Field names are the released file's; keys that only the trainer reads are named here and left unread. A key nobody
knows is one warning in a file from elsewhere and an error in our own.
"""

import json
import logging
import operator
import re
from collections.abc import Mapping, Sequence
from functools import reduce
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..s2mel.config import Count, Counts, S2MelConfig, Size, StrictConfig
from .errors import ConfigError

logger = logging.getLogger(__name__)

AnyConfig = TypeVar("AnyConfig", bound=BaseModel)

MAX_CHARACTERS = 100_000
"""Of a configuration file; the released ones have three thousand."""

_SHOWN = 6
"""How many problems an error names."""

_REFERENCE = re.compile(r"\$\{([\w.]+)\}")
"""OmegaConf's name for the value of another key of the file."""


class ConformerConfig(StrictConfig):
    output_size: Size
    linear_units: Size
    attention_heads: Count
    num_blocks: Count
    input_layer: str = "conv2d2"
    perceiver_mult: Annotated[int, Field(ge=0, le=256)] = 2


class GPTConfig(StrictConfig):
    model_dim: Size
    heads: Count
    layers: Count
    max_mel_tokens: Size
    max_text_tokens: Size
    number_text_tokens: Size
    number_mel_codes: Size
    start_mel_token: Size
    stop_mel_token: Size
    condition_module: ConformerConfig
    emo_condition_module: ConformerConfig
    start_text_token: Annotated[int, Field(ge=0)] = 0
    stop_text_token: Annotated[int, Field(ge=0)] = 1
    condition_type: str = "conformer_perceiver"
    use_mel_codes_as_input: bool = True
    mel_length_compression: Size = 1024
    train_solo_embeddings: bool = False

    @property
    def head_dim(self) -> int:
        return self.model_dim // self.heads


class SemanticCodecConfig(StrictConfig):
    codebook_size: Size
    hidden_size: Size
    codebook_dim: Size
    vocos_dim: Size
    vocos_intermediate_dim: Size
    vocos_num_layers: Count
    downsample_scale: int | None = None


class BigVGANConfig(BaseModel):
    """Section of `bigvgan/config.json` that inference reads; the file also holds the trainer's settings."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    upsample_rates: Counts
    upsample_kernel_sizes: Counts
    upsample_initial_channel: Size
    resblock_kernel_sizes: Counts
    resblock_dilation_sizes: Annotated[tuple[Counts, ...], Field(max_length=32)]
    resblock: str = "1"
    activation: str = "snakebeta"
    snake_logscale: bool = True
    use_tanh_at_final: bool = True
    use_bias_at_final: bool = True
    num_mels: Size = 80
    n_fft: Size = 1024
    hop_size: Size = 256
    win_size: Size = 1024
    sampling_rate: Size = 22050
    fmin: float = 0
    fmax: float | None = None


class W2VBertConfig(BaseModel):
    """What inference reads of w2v-bert's `config.json`; the rest is the trainer's, or of parts that are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    hidden_size: Size = 1024
    intermediate_size: Size = 4096
    num_hidden_layers: Count = 24
    num_attention_heads: Count = 16
    feature_projection_input_dim: Size = 160
    conv_depthwise_kernel_size: Count = 31
    left_max_position_embeddings: Size = 64
    right_max_position_embeddings: Size = 8
    layer_norm_eps: Annotated[float, Field(gt=0, lt=1)] = 1e-5

    @property
    def relative_position_count(self) -> int:
        """Relative positions of a key from its query; farther ones count as the last."""
        return self.left_max_position_embeddings + self.right_max_position_embeddings + 1


class PreprocessorConfig(BaseModel):
    """What inference reads of w2v-bert's `preprocessor_config.json`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sampling_rate: Size = 16000
    stride: Count = 2
    num_mel_bins: Count = 80
    padding_value: float = 0.0


class DatasetConfig(StrictConfig):
    bpe_model: str = "bpe.model"
    sample_rate: Size = 24000
    squeeze: bool = False
    mel: dict[str, Any] = Field(default_factory=dict)


class VocoderConfig(StrictConfig):
    name: str = "nvidia/bigvgan_v2_22khz_80band_256x"
    type: str = "bigvgan"


class ModelConfig(StrictConfig):
    """A released folder's `config.yaml`. File names are relative to the folder; `version` says nothing certain."""

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
    emo_num: Annotated[tuple[Size, ...], Field(max_length=64)] = (3, 17, 2, 8, 4, 5, 10, 24)
    qwen_emo_path: str = "qwen0.6bemo4-merge/"
    version: float | str = 2.0
    # Not in released files: which w2v-bert hidden state holds the semantic features. Small models set their own.
    semantic_layer: Count = 17


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
        from yaml import ScalarNode, YAMLError

        from ..runtime.bounded_yaml import YamlLimits, compose_bounded
    except ModuleNotFoundError as error:
        # Packs that are updated without their requirements, as by git pull, come here first.
        raise ConfigError(
            f"{path}: cannot be read ({error}); install the pack's requirements: pip install -r requirements.txt"
        ) from error
    try:
        text = _read_text(path)
        if path.suffix == ".json":
            return json.loads(text)
        node = compose_bounded(text, YamlLimits(MAX_CHARACTERS, nodes=10_000, depth=20, scalar=1_000))
        if isinstance(node, ScalarNode):
            raise ValueError("got a single value, expected a mapping")
        data = OmegaConf.to_container(OmegaConf.load(StringIO(text)), resolve=False)
        return _follow_references(data, data)
    except (OSError, ValueError, RecursionError, YAMLError, OmegaConfBaseException) as error:
        reason = " ".join(str(error)[:500].split())
        raise ConfigError(f"{path}: cannot be read ({reason}); download {path.name} again") from error


def read_mapping(path: Path, expected: str) -> dict[str, Any]:
    """The same, where it is a mapping; `expected` says what of."""
    data = read_config_file(path)
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: got {type(data).__name__}, expected a mapping: {expected}")
    return data


def _read_text(path: Path) -> str:
    """Raises ValueError where the file is longer than any configuration, or no UTF-8."""
    with path.open("rb") as file:
        data = file.read(MAX_CHARACTERS + 1)
    if len(data) > MAX_CHARACTERS:
        raise ValueError(f"got more than {MAX_CHARACTERS:,} bytes")
    return data.decode("utf-8-sig")


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
    data = read_mapping(path, expected)
    if not strict:
        _drop_unknown_keys(model, data, path)
    return check_fields(model, data, path, expected)


def check_fields(model: type[AnyConfig], data: Mapping[str, Any], source: Path, expected: str) -> AnyConfig:
    """The configuration in `data`, read from `source`. Raises `ConfigError` naming each key that is wrong."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        errors = error.errors()
        problems = "; ".join(f"{_dotted_key(e['loc'])}: {e['msg']} (got {e['input']!r:.60})" for e in errors[:_SHOWN])
        more = f" (and {len(errors) - _SHOWN} more)" if len(errors) > _SHOWN else ""
        raise ConfigError(f"{source}: {problems}{more}. Expected {expected}") from error


def _drop_unknown_keys(model: type[BaseModel], data: dict[str, Any], path: Path) -> None:
    try:
        model.model_validate(data)
    except ValidationError as error:
        unknown = [e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"]
        for *sections, key in unknown:
            holder: Any = reduce(operator.getitem, sections, cast(Any, data))
            del holder[key]
        if unknown:
            named = ", ".join(map(_dotted_key, unknown[:_SHOWN])) + (", …" if len(unknown) > _SHOWN else "")
            logger.warning("%s: keys not known here, left unread: %s", path, named)


def _dotted_key(place: Sequence[int | str]) -> str:
    return ".".join(str(part)[:100] for part in place)

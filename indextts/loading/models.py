"""Every module of the model, each from its own released file, with one copy of its weights on one device."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from ...runtime.primitive_cache import bound_primitive_cache
from ...s2mel import weights as s2mel_weights
from ...s2mel.model import S2Mel
from ..conditioning import campplus, codec, semantic, voice_encoder
from ..conditioning.emotion import EmotionTable
from ..conditioning.encoder import ConditioningModels
from ..conditioning.reference_encoders import ReferenceEncoders
from ..conditioning.text_emotion import TextEmotion
from ..config import ModelConfig, load_model_config, load_vocoder_config
from ..errors import CheckpointError
from ..events import LOADING, Event, OnEvent, ignore_event
from ..gpt import model as gpt
from ..gpt.quantized_linear import quantize_layers
from ..model_version import V2_0, VERSIONS, ModelVersion
from ..options import LoadOptions
from ..vocoder import bigvgan
from .find import CheckpointFiles
from .placement import Placement, choose_placement
from .read import StateDict, read_state_dict, read_weights
from .strict import AnyModule, RenameWeights, load_strict, warn_unknown
from .warm_up import warm_up_device, warm_up_encoders

logger = logging.getLogger(__name__)

W2V_BERT_FILES = ("model.safetensors", "pytorch_model.bin")
MODULES = 8
"""How many are loaded."""
LANGUAGE_TABLE = "lang_embedding.weight"
"""Of a model that knows several languages."""
VOCODER_FILES = ("bigvgan_generator.pt", "bigvgan_generator.safetensors")


class Models(nn.Module):
    """What the pipeline runs. `choices`: options that are not used, and why."""

    def __init__(
        self,
        config: ModelConfig,
        placement: Placement,
        *,
        gpt: gpt.UnifiedVoice,
        voice_encoder: voice_encoder.EmotionEncoder,
        semantic: semantic.SemanticEncoder,
        codec: codec.SemanticCodec | codec.HalvedCodec,
        campplus: campplus.CAMPPlus,
        emotions: EmotionTable,
        text_emotion: TextEmotion,
        s2mel: S2Mel,
        vocoder: bigvgan.BigVGAN,
        version: ModelVersion = V2_0,
    ) -> None:
        super().__init__()
        self.version = version
        self.config, self.precision, self.choices = config, str(placement.precision), placement.choices
        self.gpt, self.voice_encoder = gpt, voice_encoder
        self.semantic, self.codec, self.campplus, self.emotions = semantic, codec, campplus, emotions
        self.text_emotion = text_emotion
        self.s2mel, self.vocoder = s2mel, vocoder

    @property
    def device(self) -> torch.device:
        """Where the models are now; their owner may move them."""
        return self.emotions.styles.device

    def conditioning_models(self) -> ConditioningModels:
        """What encodes reference audio and reads emotions."""
        return ConditioningModels(
            semantic=self.semantic,
            codec=self.codec,
            campplus=self.campplus,
            voice=self.voice_encoder,
            emotions=self.emotions,
            regulate=lambda content, frames: self.s2mel.length_regulator(content.to(self.s2mel.dtype), frames),
            text_emotion=self.text_emotion,
        )


def load_models(files: CheckpointFiles, options: LoadOptions | None = None, on_event: OnEvent = ignore_event) -> Models:
    """Read, check and place every part, one file after the other, telling `on_event` after every tensor.

    Raises `ConfigError` or `CheckpointError` naming the file and what in it is wrong.
    """
    placement = choose_placement(options or LoadOptions())
    if placement.device.type == "cpu":
        bound_primitive_cache()
    # ComfyUI's nodes run under inference_mode; weights made there could not be moved or compiled outside it.
    with torch.inference_mode(False), torch.no_grad():
        return _Loader(files, placement, on_event).load_models()


class _Loader:
    def __init__(self, files: CheckpointFiles, placement: Placement, on_event: OnEvent) -> None:
        self._on_event, self._loaded = on_event, 0
        self.files, self.placement, self.precision = files, placement, placement.precision
        self.config, self.version = load_model_config(files.config), files.version
        if files.mixed:
            logger.warning("%s", files.mixed)

    def load_models(self) -> Models:
        config, files = self.config, self.files
        warm_up_device(self.placement.home)
        encoders = self._load_reference_encoders()
        warm_up_encoders(encoders)
        return Models(
            config,
            self.placement,
            gpt=self._load_gpt(),
            voice_encoder=encoders.voice,
            semantic=encoders.semantic,
            codec=encoders.codec,
            campplus=encoders.campplus,
            emotions=self._load_module(
                lambda: EmotionTable(config.emo_num, config.s2mel.style_encoder.dim, config.gpt.model_dim),
                {"styles": _read_matrix(files.speaker_matrix), "vectors": _read_matrix(files.emotion_matrix)},
                files.emotion_matrix,
            ),
            text_emotion=TextEmotion(files.qwen, self.placement.device),
            s2mel=self._load_module(
                lambda: S2Mel(config.s2mel, config.gpt.model_dim if self.version.has_latents else None),
                self._read_state(files.s2mel, "net"),
                files.s2mel,
                s2mel_weights.rename_s2mel_weights,
                (*s2mel_weights.IGNORED, *(() if self.version.has_latents else (s2mel_weights.LATENT_LAYER,))),
                self.precision.s2mel,
            ),
            vocoder=self._load_vocoder(),
            version=self.version,
        )

    def _load_reference_encoders(self) -> ReferenceEncoders:
        """First of all, so that they can warm up while the rest is read."""
        files = self.files
        return ReferenceEncoders(
            semantic=self._load_semantic_encoder(),
            codec=self._load_codec(),
            campplus=self._load_module(
                campplus.CAMPPlus, self._read_state(files.campplus), files.campplus, ignored=campplus.IGNORED
            ),
            voice=self._load_module(
                self._build_voice_encoder,
                self._voice_state,
                files.gpt,
                ignored=voice_encoder.IGNORED,
                dtype=self.precision.voice_encoder,
            ),
        )

    def _build_voice_encoder(self) -> voice_encoder.EmotionEncoder:
        config, width = self.config.gpt, self.config.semantic_codec.hidden_size
        if self.version.speaker == "latents":
            return voice_encoder.VoiceEncoder(config, width)
        return voice_encoder.StyleVoiceEncoder(config, width, self.config.s2mel.style_encoder.dim)

    def _load_codec(self) -> codec.SemanticCodec | codec.HalvedCodec:
        file, config = self.files.semantic_codec, self.config.semantic_codec
        state, rename = self._read_state(file, "model"), codec.rename_codec_weights
        if self.version.codec == "maskgct":
            return self._load_module(lambda: codec.SemanticCodec(config), state, file, rename, codec.IGNORED)
        return self._load_module(lambda: codec.HalvedCodec(config), state, file, rename, codec.HALVED_IGNORED)

    def _load_gpt(self) -> gpt.UnifiedVoice:
        languages = _count_rows(self._gpt_state, LANGUAGE_TABLE)
        decoder = self._load_module(
            lambda: gpt.UnifiedVoice(self._config_by_shapes.gpt, languages),
            self._gpt_state,
            self.files.gpt,
            gpt.rename_gpt_weights,
            gpt.IGNORED,
            self.precision.gpt,
        )
        if self.precision.gpt_layers is not None:
            quantize_layers(decoder)
        return decoder

    @cached_property
    def _gpt_state(self) -> StateDict:
        """`gpt.pth` without the voice encoder, which is its other half."""
        state = self._read_state(self.files.gpt, "model")
        if bool(_count_rows(state, LANGUAGE_TABLE)) == self.version.has_languages:
            return state
        (got,) = (version.title for version in VERSIONS if version.has_languages != self.version.has_languages)
        raise CheckpointError(
            f"{self.files.gpt}: got the weights of {got}, expected those of {self.version.title}, which the other "
            f"files of {self.files.folder} are of; keep each version in a folder of its own"
        )

    @cached_property
    def _config_by_shapes(self) -> ModelConfig:
        """The configuration with the vocabulary that the file has, which fine-tuning may have changed."""
        config = self.config.gpt
        rows = _count_rows(self._gpt_state, "text_embedding.weight")
        if rows in (0, config.number_text_tokens + 1):
            return self.config
        logger.warning(
            "%s: %d text tokens, not the %d of config.yaml", self.files.gpt, rows - 1, config.number_text_tokens
        )
        return self.config.model_copy(update={"gpt": config.model_copy(update={"number_text_tokens": rows - 1})})

    @cached_property
    def _voice_state(self) -> StateDict:
        state = self._gpt_state
        return {name: state.pop(name) for name in list(state) if name.startswith(voice_encoder.PREFIXES)}

    def _load_semantic_encoder(self) -> semantic.SemanticEncoder:
        folder, layers, width = self.files.w2v_bert, self.config.semantic_layer, self.config.semantic_codec.hidden_size
        file = _first_file(folder, W2V_BERT_FILES)
        state = _semantic_state(self._read_state(file), self._read_state(self.files.w2v_statistics), layers, file)
        encoder = self._load_module(
            lambda: semantic.SemanticEncoder.from_folder(folder, layers), state, file, dtype=self.precision.semantic
        )
        if encoder.width != width:
            raise CheckpointError(
                f"{folder}: got features of width {encoder.width}, expected {width}; use facebook/w2v-bert-2.0"
            )
        return encoder

    def _load_vocoder(self) -> bigvgan.BigVGAN:
        config = load_vocoder_config(self.files.bigvgan / "config.json")
        file = _first_file(self.files.bigvgan, VOCODER_FILES)
        state = self._read_state(file, "generator")
        return self._load_module(
            lambda: bigvgan.BigVGAN(config),
            state,
            file,
            bigvgan.rename_bigvgan_weights,
            bigvgan.IGNORED,
            self.precision.vocoder,
        )

    def _read_state(self, file: Path, *keys: str) -> StateDict:
        """See `read_state_dict`. Where only shapes are wanted, at home on meta, no value is ever read."""
        state = read_state_dict(file, *keys)
        return (
            {name: tensor.to("meta") for name, tensor in state.items()} if self.placement.home.type == "meta" else state
        )

    def _load_module(
        self,
        build: Callable[[], AnyModule],
        state: StateDict,
        file: Path,
        rename: RenameWeights | None = None,
        ignored: Sequence[str] = (),
        dtype: torch.dtype = torch.float32,
    ) -> AnyModule:
        """Load strictly, log how long it took. `rename` and `ignored`: see `load_strict`."""
        start = time.perf_counter()
        home = self.placement.home

        def tell_share(share: float) -> None:
            self._on_event(Event(LOADING, self._loaded + share, MODULES, detail=file.name))

        tell_share(0.0)
        module = load_strict(
            build, state, file=file, ignored=ignored, rename=rename, device=home, dtype=dtype, on_share=tell_share
        )
        self._loaded += 1
        logger.info("%s: %s loaded in %.1f s", file, type(module).__name__, time.perf_counter() - start)
        return module


def _count_rows(state: StateDict, name: str) -> int:
    """Rows of a table of a file; 0 where it has none."""
    table = state.get(name)
    return 0 if table is None or not table.dim() else len(table)


def _first_file(folder: Path, names: Sequence[str]) -> Path:
    """The first of `names` that lies in `folder`; finding the folder has made sure of one."""
    return next(file for name in names if (file := folder / name).is_file())


def _semantic_state(state: StateDict, statistics: Mapping[str, torch.Tensor], layers: int, file: Path) -> StateDict:
    """The layers that are read, under the module's names; what lies above them is never touched."""
    try:
        needed = semantic.rename_semantic_weights(state, statistics, layers)
    except KeyError as error:
        name = error.args[0]
        holder = "wav2vec2bert_stats.pt" if name in ("mean", "var") else file
        raise CheckpointError(f"{holder}: {name}: missing; run `indextts2 fetch`") from error
    extra = [name for name in state if not name.startswith(semantic.layer_prefixes(layers))]
    unknown = [name for name in extra if not any(fnmatchcase(name, pattern) for pattern in semantic.IGNORED)]
    if unknown:
        warn_unknown(unknown, file)
    logger.info("%s: skipped tensors that inference does not use: %d above layer %d", file.name, len(extra), layers)
    return needed


def _read_matrix(file: Path) -> torch.Tensor:
    data = read_weights(file)
    if isinstance(data, Mapping) and len(data) == 1:
        data = next(iter(data.values()))
    if not isinstance(data, torch.Tensor):
        raise CheckpointError(f"{file}: got {type(data).__name__}, expected one tensor; run `indextts2 fetch`")
    return data

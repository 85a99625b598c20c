"""Every module of the model, each from its own released file, with one copy of its weights on one device."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...s2mel import weights as s2mel_weights
from ...s2mel.model import S2Mel
from ..conditioning import campplus, codec, semantic, voice_encoder
from ..conditioning.emotion import EmotionTable
from ..conditioning.encoder import ConditioningModels
from ..conditioning.text_emotion import TextEmotion
from ..config import ModelConfig, load_model_config, load_vocoder_config
from ..errors import CheckpointError
from ..gpt import model as gpt
from ..options import LoadOptions
from ..vocoder import bigvgan
from .find import CheckpointFiles
from .placement import Placement, choose_placement
from .read import State, read_state, read_weights
from .strict import AnyModule, load_strict

logger = logging.getLogger(__name__)

W2V_BERT_FILES = ("model.safetensors", "pytorch_model.bin")
VOCODER_FILES = ("bigvgan_generator.pt", "bigvgan_generator.safetensors")


class Models(nn.Module):
    """What the pipeline runs. `choices`: what the user asked for and does not get, and why."""

    def __init__(
        self,
        config: ModelConfig,
        placement: Placement,
        *,
        gpt: gpt.UnifiedVoice,
        voice_encoder: voice_encoder.VoiceEncoder,
        semantic: semantic.SemanticEncoder,
        codec: codec.SemanticCodec,
        campplus: campplus.CAMPPlus,
        emotions: EmotionTable,
        text_emotion: TextEmotion,
        s2mel: S2Mel,
        vocoder: bigvgan.BigVGAN,
    ) -> None:
        super().__init__()
        self.config, self.precision, self.choices = config, str(placement.precision), placement.choices
        self.gpt, self.voice_encoder = gpt, voice_encoder
        self.semantic, self.codec, self.campplus, self.emotions = semantic, codec, campplus, emotions
        self.text_emotion = text_emotion
        self.s2mel, self.vocoder = s2mel, vocoder

    def conditioning(self) -> ConditioningModels:
        """What listens to reference audio and reads emotions."""
        return ConditioningModels(
            semantic=self.semantic,
            codec=self.codec,
            campplus=self.campplus,
            voice=self.voice_encoder,
            emotions=self.emotions,
            regulate=self._regulate,
            text_emotion=self.text_emotion,
        )

    def _regulate(self, content: torch.Tensor, frames: int) -> torch.Tensor:
        return self.s2mel.regulate(content.to(self.s2mel.dtype), frames)


def load_models(files: CheckpointFiles, options: LoadOptions | None = None) -> Models:
    """Read, check and place every part, one file after the other.

    Raises `ConfigError` or `CheckpointError` naming the file and what in it is wrong.
    """
    placement = choose_placement(options or LoadOptions())
    # ComfyUI's nodes run under inference_mode; weights made there could not be moved or compiled outside it.
    with torch.inference_mode(False), torch.no_grad():
        return _Loader(files, placement).load()


class _Loader:
    def __init__(self, files: CheckpointFiles, placement: Placement) -> None:
        self.files, self.placement, self.precision = files, placement, placement.precision
        self.config = load_model_config(files.config)
        if not 2.0 <= self.config.version < 2.5:
            raise CheckpointError(
                f"{files.config}: got version {self.config.version}, expected 2.0; use an IndexTTS-2 folder"
            )

    def load(self) -> Models:
        decoder, listener = self.gpt_and_voice_encoder()
        return Models(
            self.config,
            self.placement,
            gpt=decoder,
            voice_encoder=listener,
            semantic=self.semantic(),
            codec=self.codec(),
            campplus=self.campplus(),
            emotions=self.emotions(),
            text_emotion=TextEmotion(self.files.qwen, self.placement.device),
            s2mel=self.s2mel(),
            vocoder=self.vocoder(),
        )

    def gpt_and_voice_encoder(self) -> tuple[gpt.UnifiedVoice, voice_encoder.VoiceEncoder]:
        """Both halves of `gpt.pth`."""
        config, file = self.config, self.files.gpt
        state = read_state(file, "model")
        heard = {name: state.pop(name) for name in list(state) if name.startswith(voice_encoder.PREFIXES)}
        width = config.semantic_codec.hidden_size
        listener = self._place(
            lambda: voice_encoder.VoiceEncoder(config.gpt, width),
            heard,
            file,
            voice_encoder,
            self.precision.voice_encoder,
        )
        return self._place(lambda: gpt.UnifiedVoice(config.gpt), state, file, gpt, self.precision.gpt), listener

    def semantic(self) -> semantic.SemanticEncoder:
        folder, layers, width = self.files.w2v_bert, self.config.semantic_layer, self.config.semantic_codec.hidden_size
        file = _first(folder, W2V_BERT_FILES)
        state = _semantic_state(read_state(file), read_state(self.files.w2v_statistics), layers, file)
        encoder = self._place(
            lambda: semantic.SemanticEncoder.from_folder(folder, layers), state, file, dtype=self.precision.semantic
        )
        if encoder.width != width:
            raise CheckpointError(
                f"{folder}: got features of width {encoder.width}, expected {width}; use facebook/w2v-bert-2.0"
            )
        return encoder

    def codec(self) -> codec.SemanticCodec:
        file = self.files.semantic_codec
        return self._place(lambda: codec.SemanticCodec(self.config.semantic_codec), read_state(file), file, codec)

    def campplus(self) -> campplus.CAMPPlus:
        file = self.files.campplus
        return self._place(campplus.CAMPPlus, read_state(file), file, campplus)

    def emotions(self) -> EmotionTable:
        config = self.config
        state = {"styles": _matrix(self.files.speaker_matrix), "vectors": _matrix(self.files.emotion_matrix)}
        return self._place(
            lambda: EmotionTable(config.emo_num, config.s2mel.style_encoder.dim, config.gpt.model_dim),
            state,
            self.files.emotion_matrix,
        )

    def s2mel(self) -> S2Mel:
        file = self.files.s2mel
        return self._place(
            lambda: S2Mel(self.config.s2mel, self.config.gpt.model_dim),
            read_state(file, "net"),
            file,
            s2mel_weights,
            self.precision.s2mel,
        )

    def vocoder(self) -> bigvgan.BigVGAN:
        config = load_vocoder_config(self.files.bigvgan / "config.json")
        file = _first(self.files.bigvgan, VOCODER_FILES)
        state = read_state(file, "generator")
        return self._place(lambda: bigvgan.BigVGAN(config), state, file, bigvgan, self.precision.vocoder)

    def _place(
        self,
        build: Callable[[], AnyModule],
        state: State,
        file: Path,
        room: Any = None,
        dtype: torch.dtype = torch.float32,
    ) -> AnyModule:
        """Load strictly, as the `room` (a module file with `rename` and `IGNORED`) says its released names are."""
        start = time.perf_counter()
        module = load_strict(
            build,
            state,
            file=file,
            ignored=room.IGNORED if room else (),
            rename=room.rename if room else None,
            device=self.placement.home,
            dtype=dtype,
        )
        logger.info("%s: %s loaded in %.1f s", file, type(module).__name__, time.perf_counter() - start)
        return module


def _first(folder: Path, names: Sequence[str]) -> Path:
    """The first of `names` that lies in `folder`; finding the folder has made sure of one."""
    return next(file for name in names if (file := folder / name).is_file())


def _semantic_state(state: State, statistics: Mapping[str, torch.Tensor], layers: int, file: Path) -> State:
    """The layers that are read, under the module's names; what lies above them is never touched."""
    try:
        needed = semantic.rename(state, statistics, layers)
    except KeyError as error:
        name = error.args[0]
        holder = "wav2vec2bert_stats.pt" if name in ("mean", "var") else file
        raise CheckpointError(f"{holder}: {name}: missing; run `indextts2 fetch`") from error
    extra = [name for name in state if not name.startswith(semantic.parts(layers))]
    unknown = [name for name in extra if not any(fnmatchcase(name, pattern) for pattern in semantic.IGNORED)]
    if unknown:
        raise CheckpointError(f"{file}: got unknown tensors {unknown[:6]}, expected those of facebook/w2v-bert-2.0")
    logger.info("%s: skipped tensors that inference does not use: %d above layer %d", file.name, len(extra), layers)
    return needed


def _matrix(file: Path) -> torch.Tensor:
    data = read_weights(file)
    if isinstance(data, Mapping) and len(data) == 1:
        data = next(iter(data.values()))
    if not isinstance(data, torch.Tensor):
        raise CheckpointError(f"{file}: got {type(data).__name__}, expected one tensor; run `indextts2 fetch`")
    return data

"""Conditioning: voice features and emotion vectors from reference audio, cached by its content.

T tokens (50 a second), W semantic width, F mel frames, C condition width, D the GPT's width.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import EmotionError
from ..records import Audio, Emotion, VoiceFeatures
from .cache import ContentCache
from .emotion import EmotionTable, EmotionWeights, mix_emotions, scale_weights, temper_user_weights
from .features import KaldiFilterBank, MelSpectrogram
from .reference import ReferenceAudio, hash_audio, prepare_reference, take_excerpt
from .reference_encoder_graphs import ReferenceEncoderGraphs
from .reference_encoders import ReferenceEncoders, ReferenceFeatures
from .text_emotion import TextEmotion

CACHE_BYTES = 256 * 2**20

Regulate = Callable[[Tensor, int], Tensor]
"""Content [1, T, W] and a number of frames F to a condition [1, F, C]."""


@dataclass(frozen=True)
class ConditioningModels(ReferenceEncoders):
    """What the encoder runs; all on one device. `regulate` is S2Mel's length regulator."""

    emotions: EmotionTable
    regulate: Regulate
    text_emotion: TextEmotion


class ConditioningEncoder:
    """Voices and emotion vectors, cached by the content of the audio they come from, at most `cache_bytes` of them."""

    def __init__(
        self,
        models: ConditioningModels,
        load_encoders: Callable[[], None] = lambda: None,
        cache_bytes: int = CACHE_BYTES,
        use_graphs: Callable[[], bool] = lambda: True,
    ) -> None:
        """load_encoders: called before the reference encoders are used; they may be offloaded until then.

        use_graphs: whether to run them as CUDA graphs on a CUDA device, which hold memory; for models that come and go
        they would be captured each time.
        """
        self.models = models
        self._load_encoders = load_encoders
        self.cache = ContentCache(cache_bytes)
        self._use_graphs, self._graphs = use_graphs, ReferenceEncoderGraphs(models)
        self._mel = MelSpectrogram()
        self._fbank = KaldiFilterBank(models.semantic.bands)

    @property
    def device(self) -> torch.device:
        return self.models.emotions.styles.device

    def release(self) -> None:
        """Drop everything but the models: cached voices, emotions and graphs."""
        self.cache.clear()
        self.release_graphs()

    def release_graphs(self) -> None:
        """Drop captured graphs and their memory; they come back at the next recording."""
        self._graphs.release()

    @torch.inference_mode()
    def encode_voice(self, audio: Audio | None, boost: bool = False) -> VoiceFeatures:
        """All that a line needs of its speaker. Raises `AudioError` for audio that cannot serve.

        `speaker` and `emotion` come in the voice encoder's dtype, `prompt_condition` in the regulator's, the rest in
        float32.
        """
        used = take_excerpt(audio)
        key = ("voice", hash_audio(used), boost, str(self.device))
        return self.cache.get(key, lambda: self._compute_voice_apart(used, boost))

    @torch.inference_mode()
    def encode_emotion(self, emotion: Emotion | None, voice: VoiceFeatures, line_text: str = "") -> Tensor:
        """Emotion vector [D] of a line spoken by `voice`, in its dtype; `None` is the speaker's own emotion.

        Raises `EmotionError` or `AudioError` where the emotion cannot be computed.
        """
        if emotion is None or emotion.mode == "speaker":
            return voice.emotion
        if emotion.mode == "audio":
            return mix_emotions(voice.emotion, self._cached_emotion_vector(emotion.audio), emotion.alpha)
        if emotion.mode == "vector":
            weights = temper_user_weights(emotion.vector)
        else:
            weights = self.read_text_emotion(emotion, line_text)
        return self.models.emotions.blend_emotions(scale_weights(weights, emotion.alpha), voice.style, voice.emotion)

    def read_text_emotion(self, emotion: Emotion, line_text: str) -> EmotionWeights:
        """The eight weights of a "text" emotion, the model's own: unlike a user's neither tempered nor capped.

        Raises `EmotionError` where there is nothing to read or nothing that reads.
        """
        text = (emotion.text or "").strip() or line_text.strip()
        if not text:
            raise EmotionError("Emotion from text: got an empty text, expected a line or a description; write one")
        return self.cache.get(("text", text), lambda: self.models.text_emotion.read_weights(text))

    def _compute_voice(self, audio: Audio, boost: bool) -> VoiceFeatures:
        reference = prepare_reference(audio, boost)
        features = self._encode_reference(reference)
        # Only now: while the device is at the longest part, the host resamples for the next.
        mel = self._mel.to(self.device)(reference.samples_22k.to(self.device))
        return VoiceFeatures(
            semantic=features.semantic[0],
            style=features.style,
            speaker=features.speaker,
            emotion=features.emotion,
            prompt_mel=mel,
            prompt_condition=self.models.regulate(features.content, mel.shape[-1])[0],
        )

    def _compute_voice_apart(self, audio: Audio, boost: bool) -> VoiceFeatures:
        """Where memory is short, out of the piece that hearing takes, which is given back whole then."""
        features = self._compute_voice(audio, boost)
        if self._use_graphs() or self.device.type != "cuda":
            return features
        held = {name: part.to("cpu") for name, part in vars(features).items()}
        del features
        torch.cuda.empty_cache()
        return VoiceFeatures(**{name: part.to(self.device) for name, part in held.items()})

    def _encode_reference(self, reference: ReferenceAudio) -> ReferenceFeatures:
        wave = reference.samples_16k
        self._load_encoders()
        energies = self._fbank.to(self.device)(wave.to(self.device))
        return self._graphs(energies, self._use_graphs())

    def _cached_emotion_vector(self, audio: Audio | None) -> Tensor:
        used = take_excerpt(audio)
        key = ("emotion", hash_audio(used), str(self.device))
        return self.cache.get(key, lambda: self._encode_reference(prepare_reference(used)).emotion)

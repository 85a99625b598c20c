"""Everything that is computed from reference audio and emotions, each thing once.

T tokens (50 a second), W semantic width, F mel frames, C condition width, D the GPT's width.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import EmotionError
from ..records import Audio, Emotion, VoiceFeatures
from .cache import ContentCache
from .campplus import CAMPPlus
from .codec import SemanticCodec
from .emotion import EmotionTable, Weights, mixed, scaled, user_weights
from .features import KaldiFilterBank, MelSpectrogram
from .listening_graphs import ListeningGraphs
from .reference import Reference, excerpt, fingerprint, prepare_reference
from .reference_encoders import Heard, Listeners, hear
from .semantic import SemanticEncoder
from .text_emotion import TextEmotion
from .voice_encoder import VoiceEncoder

CACHE_BYTES = 256 * 2**20

Regulate = Callable[[Tensor, int], Tensor]
"""Content [1, T, W] and a number of frames F to a condition [1, F, C]."""


@dataclass(frozen=True)
class ConditioningModels:
    """What the encoder runs; all on one device. `regulate` is S2Mel's length regulator."""

    semantic: SemanticEncoder
    codec: SemanticCodec
    campplus: CAMPPlus
    voice: VoiceEncoder
    emotions: EmotionTable
    regulate: Regulate
    text_emotion: TextEmotion


class ConditioningEncoder:
    """Voices and emotion vectors, cached by the content of the audio they come from, at most `cache_bytes` of them."""

    def __init__(
        self,
        models: ConditioningModels,
        before_listening: Callable[[], None] = lambda: None,
        cache_bytes: int = CACHE_BYTES,
        use_graphs: bool = True,
    ) -> None:
        """before_listening: called before the models that listen are used; they may be elsewhere until then.

        use_graphs: where they stay on a CUDA device, capture what takes the host longest; graphs of models that come
        and go would be captured each time.
        """
        self.models = models
        self._before_listening = before_listening
        self.cache = ContentCache(cache_bytes)
        self._listeners = Listeners(models.semantic, models.codec, models.campplus, models.voice)
        self._graphs = ListeningGraphs(self._listeners) if use_graphs else None
        self._mel = MelSpectrogram()
        self._fbank = KaldiFilterBank(models.semantic.bands)

    @property
    def device(self) -> torch.device:
        return self.models.emotions.styles.device

    def clear(self) -> None:
        """Let go of every cached voice and emotion."""
        self.cache.clear()

    def release(self) -> None:
        """Let go of everything but the models: voices, emotions and graphs."""
        self.clear()
        if self._graphs is not None:
            self._graphs.release()

    @torch.inference_mode()
    def voice(self, audio: Audio | None, boost: bool = False) -> VoiceFeatures:
        """All that a line needs of its speaker. Raises `AudioError` for audio that cannot serve.

        `latents` and `emotion` come in the voice encoder's dtype, `prompt_condition` in the regulator's, the rest in
        float32.
        """
        used = excerpt(audio)
        key = ("voice", fingerprint(used), boost, str(self.device))
        return self.cache.get(key, lambda: self._compute_voice(used, boost))

    @torch.inference_mode()
    def emotion_vector(self, emotion: Emotion | None, voice: VoiceFeatures, line_text: str = "") -> Tensor:
        """Emotion vector [D] of a line spoken by `voice`, in its dtype; `None` is the speaker's own emotion.

        Raises `EmotionError` or `AudioError` where the emotion cannot be computed.
        """
        if emotion is None or emotion.mode == "speaker":
            return voice.emotion
        if emotion.mode == "audio":
            return mixed(voice.emotion, self._emotion_of(emotion.audio), emotion.alpha)
        weights = user_weights(emotion.vector) if emotion.mode == "vector" else self.read_text(emotion, line_text)
        return self.models.emotions.blend(scaled(weights, emotion.alpha), voice.style, voice.emotion)

    def read_text(self, emotion: Emotion, line_text: str) -> Weights:
        """The eight weights of a "text" emotion, the model's own: unlike a user's neither tempered nor capped.

        Raises `EmotionError` where there is nothing to read or nothing that reads.
        """
        text = (emotion.text or "").strip() or line_text.strip()
        if not text:
            raise EmotionError("Emotion from text: got an empty text, expected a line or a description; write one")
        return self.cache.get(("text", text), lambda: self.models.text_emotion.weights(text))

    def _compute_voice(self, audio: Audio, boost: bool) -> VoiceFeatures:
        reference = prepare_reference(audio, boost)
        heard = self._hear(reference)
        # Only now: while the device is at the longest part, the host resamples for the next.
        mel = self._on_device(self._mel)(reference.wav22.to(self.device))
        return VoiceFeatures(
            semantic=heard.semantic[0],
            style=heard.style,
            latents=heard.latents,
            emotion=heard.emotion,
            prompt_mel=mel,
            prompt_condition=self.models.regulate(heard.quantized, mel.shape[-1])[0],
        )

    def _hear(self, reference: Reference) -> Heard:
        wave = reference.wav16
        self._before_listening()
        energies = self._on_device(self._fbank)(wave.to(self.device))
        return hear(self._listeners, energies) if self._graphs is None else self._graphs(energies)

    def _emotion_of(self, audio: Audio | None) -> Tensor:
        used = excerpt(audio)
        key = ("emotion", fingerprint(used), str(self.device))
        return self.cache.get(key, lambda: self._compute_emotion(used))

    def _compute_emotion(self, audio: Audio) -> Tensor:
        return self._hear(prepare_reference(audio)).emotion

    def _on_device(self, module: nn.Module) -> nn.Module:
        return module.to(self.device)

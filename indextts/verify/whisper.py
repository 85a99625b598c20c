"""faster-whisper (MIT) hears all but Japanese, where it is installed. Its model is downloaded once, 460 MB."""

import os
from typing import Any

import numpy as np

from ..text.language import FIVE_LANGUAGES, Language
from ..text.normalizer import TextNormalizer
from .pronunciation import Units

MODEL_VARIABLE, MODEL = "INDEXTTS2_WHISPER", "small"
"""The environment's name of another size, or of a folder with a converted model."""


class FasterWhisper:
    """One model, used take after take."""

    name = "faster-whisper"

    def __init__(self) -> None:
        self._model: Any = None
        self._normalizer = TextNormalizer(languages=FIVE_LANGUAGES)

    def load(self) -> None:
        """Raises ModuleNotFoundError where faster-whisper is not installed, and what its download raises."""
        from faster_whisper import WhisperModel

        self._model = WhisperModel(os.environ.get(MODEL_VARIABLE, MODEL), compute_type="auto")

    def transcribe(self, samples: np.ndarray, wanted: str, language: Language) -> str:
        """What is heard, digits written out as the text front end does. `wanted` is not told: it would be heard."""
        segments, _ = self._model.transcribe(
            samples, language=language, beam_size=5, temperature=0.0, condition_on_previous_text=False
        )
        return self._normalizer.normalize(" ".join(segment.text for segment in segments), language)

    def pronounce(self, word: str) -> Units:
        return tuple(word)

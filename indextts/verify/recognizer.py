"""Who listens: any recognizer that writes down what it hears, and which of those installed hears a language."""

from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np

from ..errors import IndexTTSError
from ..text.language import Language
from .pronunciation import Units
from .sphinx import PocketSphinx
from .whisper import FasterWhisper

SAMPLE_RATE = 16000
"""Of what a recognizer gets."""


class VerifyError(IndexTTSError):
    """Takes that cannot be heard as asked."""


class Recognizer(Protocol):
    """Writes down what float32 samples [N] at 16 kHz say. One take after another, in one thread."""

    name: str

    def load(self) -> None:
        """Get ready, before any work starts. Raises whatever goes wrong."""

    def transcribe(self, samples: np.ndarray, wanted: str, language: Language) -> str:
        """The words that are heard. `wanted`: what the speaker was to say, for those that can use it."""

    def pronounce(self, word: str) -> Units:
        """The phones of an English word, or its letters, in small letters."""


Recognizers = dict[Language, Recognizer]

_KNOWN: dict[Language, tuple[Callable[[], Recognizer], ...]] = {
    "en": (PocketSphinx, FasterWhisper),
    "zh": (FasterWhisper,),
    "es": (FasterWhisper,),
    "ar": (FasterWhisper,),
    "ja": (),
}
"""By language, the one that is asked first in front. Japanese is written in more than one way, so none."""

_REMEDIES: dict[Language, str] = {
    "en": 'pip install pocketsphinx (or "indextts2-multitalk[verify]"), or faster-whisper',
    "zh": "pip install faster-whisper",
    "es": "pip install faster-whisper",
    "ar": "pip install faster-whisper",
    "ja": "Japanese words are written in more than one way and cannot be compared: speak such lines by themselves",
}
_NAMES: dict[Language, str] = {
    "en": "English",
    "zh": "Chinese",
    "es": "Spanish",
    "ar": "Arabic",
    "ja": "Japanese",
}


def load_recognizers(languages: Iterable[Language]) -> Recognizers:
    """A recognizer for each of `languages`, ready to listen; one that hears both is loaded once.

    Raises `VerifyError` that names the remedy where there is none.
    """
    loaded: dict[object, Recognizer] = {}
    chosen: Recognizers = {}
    for language in sorted(set(languages)):
        reasons = []
        for make in _KNOWN[language]:
            try:
                if make not in loaded:
                    loaded[make] = make()
                    loaded[make].load()
            except Exception as error:  # a library, its model files or its download: all end in one clear word
                loaded.pop(make, None)
                reasons.append(f"{make.__name__}: {error}")
                continue
            chosen[language] = loaded[make]
            break
        else:
            why = "; ".join(reasons) or "none is known"
            raise VerifyError(
                f"verify is on and no recognizer hears {_NAMES[language]} here ({why}); "
                f"{_REMEDIES[language]}, or turn verify off"
            )
    return chosen

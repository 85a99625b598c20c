"""Faults planted into good takes: a word cut out, a word said twice.

Word times come from pocketsphinx's own forced alignment, which is not what `verify` listens with.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

RATE = 16000
FRAME = RATE // 100
FADE = RATE // 200
"""Samples over which two cuts blend, so that no click tells them."""


@dataclass(frozen=True, eq=False)
class Fault:
    """kind: "cut out" or "said twice". samples: float32 [N] at 16 kHz."""

    kind: str
    word: str
    samples: np.ndarray


class FaultPlanter:
    """One aligner, used take after take. Raises ModuleNotFoundError where pocketsphinx is not installed."""

    @cached_property
    def _decoder(self) -> Any:
        from pocketsphinx import Decoder

        return Decoder(loglevel="FATAL", lm=None)

    def find_words(self, samples: np.ndarray, words: list[str]) -> list[tuple[str, int, int]]:
        """Each word, its first sample and the one behind its last. Empty where the words do not fit the sound."""
        self._decoder.set_align_text(" ".join(words))
        self._decoder.reinit_feat(self._decoder.config)
        self._decoder.start_utt()
        self._decoder.process_raw((np.clip(samples, -1, 1) * (2**15 - 1)).astype(np.int16).tobytes(), full_utt=True)
        self._decoder.end_utt()
        found = [part for part in self._decoder.seg() or () if part.word[0] not in "<[("]
        if len(found) != len(words):
            return []
        return [
            (word, part.start_frame * FRAME, (part.end_frame + 1) * FRAME)
            for word, part in zip(words, found, strict=True)
        ]

    def plant_faults(self, samples: np.ndarray, words: list[str], every: int = 1, first: int = 0) -> Iterator[Fault]:
        """Each `every`-th word from the `first` cut out, and said twice."""
        for word, start, end in self.find_words(samples, words)[first::every]:
            yield Fault("cut out", word, join_blended(samples[:start], samples[end:]))
            yield Fault("said twice", word, join_blended(samples[:end], samples[start:]))


def join_blended(before: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """Two recordings one after another, the seam blended."""
    size = min(FADE, len(before), len(behind))
    if not size:
        return np.concatenate([before, behind])
    ramp = np.linspace(0, 1, size, dtype=np.float32)
    seam = before[-size:] * (1 - ramp) + behind[:size] * ramp
    return np.concatenate([before[:-size], seam, behind[size:]])

"""What a listener who knows nothing of the voice understands: pocketsphinx, with the English model of its wheel."""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

SAMPLE_RATE = 16000
SHORTEST = 1600
"""Samples; pocketsphinx fails on less."""
_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


class Recogniser:
    """One decoder, used line after line. Raises ModuleNotFoundError where pocketsphinx is not installed."""

    @cached_property
    def _decoder(self) -> Any:
        from pocketsphinx import Decoder

        return Decoder(loglevel="FATAL")

    def words(self, samples: np.ndarray) -> list[str]:
        """What float32 samples [N] at 16 kHz say, in small letters."""
        if len(samples) < SHORTEST:
            return []
        integers = (np.clip(samples, -1, 1) * (2**15 - 1)).astype(np.int16)
        # Each line by itself: the decoder adapts its idea of the channel from one line to the next.
        self._decoder.reinit_feat(self._decoder.config)
        self._decoder.start_utt()
        self._decoder.process_raw(integers.tobytes(), full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return words_of(found.hypstr) if found else []


def words_of(text: str) -> list[str]:
    """The words of a text, numbers up to 99 written out, to compare with what was recognised."""
    spelt = re.sub(r"\d+", lambda match: f" {_spelt(int(match.group()))} ", text.lower())
    return re.findall(r"[a-z']+", spelt)


def _spelt(number: int) -> str:
    if number < 20:
        return _UNITS[number]
    if number < 100:
        return f"{_TENS[number // 10 - 2]} {_UNITS[number % 10] if number % 10 else ''}"
    return " ".join(_UNITS[int(digit)] for digit in str(number))


def edits(wanted: Sequence[object], found: Sequence[object]) -> int:
    """Least number of words, or of anything, to put in, take out or change (Levenshtein 1966)."""
    row = list(range(len(found) + 1))
    for i, word in enumerate(wanted, start=1):
        before, row[0] = row[0], i
        for j, other in enumerate(found, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def word_error_rate(pairs: Sequence[tuple[Sequence[str], Sequence[str]]]) -> float:
    """Errors over wanted words, of (wanted, found) pairs."""
    return sum(edits(wanted, found) for wanted, found in pairs) / max(1, sum(len(wanted) for wanted, _ in pairs))


def right_counts(pairs: Sequence[tuple[Sequence[str], Sequence[str]]]) -> int:
    """How many lines have as many words as they should, give or take one."""
    return sum(abs(len(wanted) - len(found)) <= 1 for wanted, found in pairs)

"""What a stage hears of a corpus, and the references that say who speaks and how.

B utterances, C codes, R codes of a reference, W feature width.
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from .corpus import Corpus, Windows
from .prosody import Prosody
from .speakers import NEUTRAL
from .tokens import Reader

REFERENCE_CODES = (60, 500)
SAME_DELIVERY_SHARE = 0.3
"""How often the voice's reference is itself in the utterance's emotion, and is the emotion's reference too."""
REFERENCE_STEPS = 16
"""How many lengths references have, so that memory and plans of one update serve another."""


@dataclass(frozen=True, eq=False)
class Heard:
    """A corpus as the decoder hears it. features: [C, W], codes: int64 [C]."""

    corpus: Corpus
    features: Tensor
    codes: Tensor
    prosody: Prosody
    reader: Reader


@dataclass(frozen=True, eq=False)
class References:
    """Semantic features [B, R, W] of who speaks and of how."""

    voice: Tensor
    emotion: Tensor


@dataclass(frozen=True, eq=False)
class Roles:
    """Whose reference serves for each utterance's voice, in which delivery, and whose for which emotion; int64 [B]."""

    speakers: np.ndarray
    voiced_as: np.ndarray
    felt_by: np.ndarray
    emotions: np.ndarray


def draw_roles(heard: Heard, windows: Windows, numbers: Tensor, rng: np.random.Generator) -> Roles:
    """For each utterance its speaker, mostly neutral, and its emotion, by any speaker."""
    speakers, emotions = (column[numbers].numpy() for column in (heard.corpus.speakers, heard.corpus.emotions))
    same = rng.random(len(speakers)) < SAME_DELIVERY_SHARE
    others = windows.others(speakers, rng)
    return Roles(speakers, np.where(same, emotions, NEUTRAL), np.where(same, speakers, others), emotions)


def draw_references(heard: Heard, windows: Windows, numbers: Tensor, rng: np.random.Generator) -> References:
    """Windows by the utterances' roles. None is the utterance itself but by chance, so that what is said does not leak
    into how.
    """
    roles = draw_roles(heard, windows, numbers, rng)
    codes, felt_codes = (reference_length(REFERENCE_CODES, rng) for _ in range(2))
    voices = windows.starts(roles.speakers, roles.voiced_as, codes, rng)
    felt = windows.starts(roles.felt_by, roles.emotions, felt_codes, rng)
    take = heard.corpus.take
    return References(take(heard.features, voices, codes).float(), take(heard.features, felt, felt_codes).float())


def reference_length(limits: tuple[int, int], rng: np.random.Generator) -> int:
    """Codes of a reference within `limits`: short ones are the more frequent, long ones do occur."""
    low, high = limits
    return int(low * (high / low) ** (rng.integers(REFERENCE_STEPS) / (REFERENCE_STEPS - 1)))

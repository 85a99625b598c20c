"""Sampling parameters of a line, and those of many lines as tensors.

Dimensions: L lines, R rows (a line has one row for each of its beams), V vocabulary.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

MAX_BEAMS = 16
MOST_TOKENS = 1 << 24
"""More than any vocabulary has."""


@dataclass(frozen=True)
class SamplingParams:
    """How the next token is chosen. top_k 0 and top_p 1.0 switch a filter off; do_sample False ignores both and the
    temperature. num_beams > 1 searches (or samples) that many beams; length_penalty is the exponent of the length
    that divides a beam's score.
    """

    temperature: float = 0.8
    top_k: int = 30
    top_p: float = 0.8
    repetition_penalty: float = 10.0
    num_beams: int = 3
    do_sample: bool = True
    length_penalty: float = 0.0

    def __post_init__(self) -> None:
        limits = {
            "temperature above 0 (do_sample=False picks the likeliest token)": 0 < self.temperature < math.inf,
            f"top_k 0 (off) to {MOST_TOKENS}": 0 <= self.top_k <= MOST_TOKENS,
            "top_p from 0 to 1 (off)": 0 <= self.top_p <= 1,
            "repetition_penalty above 0 (1 is off)": 0 < self.repetition_penalty < math.inf,
            "length_penalty from -100 to 100": -100 <= self.length_penalty <= 100,
            f"num_beams from 1 to {MAX_BEAMS}": 1 <= self.num_beams <= MAX_BEAMS,
        }
        wrong = [expected for expected, holds in limits.items() if not holds]
        if wrong:
            raise ValueError(f"got {self}; expected {'; '.join(wrong)}")


@dataclass(frozen=True, eq=False)
class SamplingTable:
    """`SamplingParams` of L lines as tensors [L], every special case resolved into numbers.

    top_k is V where off. tail is the probability mass that top-p cuts, 1 - top_p, and -1 where off. noise is 1 for
    sampling and 0 for search; search keeps just the candidates that can win, all others filters off.
    """

    temperature: torch.Tensor
    top_k: torch.Tensor
    tail: torch.Tensor
    penalty: torch.Tensor
    noise: torch.Tensor
    length_penalty: torch.Tensor

    @staticmethod
    def from_params(params: Sequence[SamplingParams], vocabulary: int, device: torch.device) -> "SamplingTable":
        """top_k is int64 [L], all others float32 [L]."""
        columns = zip(*(_resolve_columns(p, vocabulary) for p in params), strict=True)
        kinds = SamplingTable.column_dtypes()
        return SamplingTable(*(torch.tensor(c, dtype=k, device=device) for c, k in zip(columns, kinds, strict=True)))

    def repeat_rows(self, beams: int) -> "SamplingTable":
        """Each line's row `beams` times, one for each of its beams."""
        return SamplingTable(*(per_row(column, beams) for column in vars(self).values()))

    @staticmethod
    def column_dtypes() -> tuple[torch.dtype, ...]:
        """The columns' dtypes, in order."""
        return (torch.float32, torch.int64, *[torch.float32] * 4)


def per_row(lines: torch.Tensor, beams: int) -> torch.Tensor:
    """A line's value [L] for each of its rows [R]: `repeat_interleave` at a fraction of its price on a CPU."""
    return lines.expand(beams) if len(lines) == 1 else lines[:, None].expand(-1, beams).reshape(-1)


def _resolve_columns(p: SamplingParams, vocabulary: int) -> tuple[float, int, float, float, float, float]:
    if p.do_sample:
        top_k = max(p.top_k, min_tokens_to_keep(p.num_beams)) if p.top_k else vocabulary
        choice = (p.temperature, min(top_k, vocabulary), 1 - p.top_p if p.top_p < 1 else -1.0)
    else:
        choice = (1.0, min(1 if p.num_beams == 1 else 2 * p.num_beams, vocabulary), -1.0)
    return (*choice, p.repetition_penalty, float(p.do_sample), p.length_penalty)


def min_tokens_to_keep(num_beams: int) -> int:
    """Tokens that filters always leave: beams need one that is not the stop token."""
    return 2 if num_beams > 1 else 1

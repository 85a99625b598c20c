"""From logits to the next token, as pure functions. Order: repetition penalty, temperature, top-k, top-p, draw.

Dimensions: L lines, R rows (a line has one row for each of its beams), V vocabulary, C candidates.
Semantics are those of transformers' logits processors. A draw adds Gumbel noise to the surviving scores and takes the
largest, which samples from their softmax; the noise of a token depends on (seed, step, token) alone (see random.py).
Everything is float32, whatever the model's dtype.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .random import gumbel

MAX_BEAMS = 16


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
            "temperature above 0 (do_sample=False picks the likeliest token)": self.temperature > 0,
            "top_k 0 (off) or more": self.top_k >= 0,
            "top_p from 0 to 1 (off)": 0 <= self.top_p <= 1,
            "repetition_penalty above 0 (1 is off)": self.repetition_penalty > 0,
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
    def build(params: Sequence[SamplingParams], vocabulary: int, device: torch.device) -> "SamplingTable":
        """top_k is int64 [L], all others float32 [L]."""
        columns = zip(*(_resolve(p, vocabulary) for p in params), strict=True)
        kinds = SamplingTable.kinds()
        return SamplingTable(*(torch.tensor(c, dtype=k, device=device) for c, k in zip(columns, kinds, strict=True)))

    def repeated(self, beams: int) -> "SamplingTable":
        """Each line's row `beams` times, one for each of its beams."""
        return SamplingTable(*(per_row(column, beams) for column in vars(self).values()))

    @staticmethod
    def kinds() -> tuple[torch.dtype, ...]:
        """The columns' dtypes, in order."""
        return (torch.float32, torch.int64, *[torch.float32] * 4)


def per_row(lines: torch.Tensor, beams: int) -> torch.Tensor:
    """A line's value [L] for each of its rows [R]: `repeat_interleave` at a fraction of its price on a CPU."""
    return lines.expand(beams) if len(lines) == 1 else lines[:, None].expand(-1, beams).reshape(-1)


def _resolve(p: SamplingParams, vocabulary: int) -> tuple[float, int, float, float, float, float]:
    if p.do_sample:
        top_k = max(p.top_k, least_kept(p.num_beams)) if p.top_k else vocabulary
        choice = (p.temperature, min(top_k, vocabulary), 1 - p.top_p if p.top_p < 1 else -1.0)
    else:
        choice = (1.0, min(1 if p.num_beams == 1 else 2 * p.num_beams, vocabulary), -1.0)
    return (*choice, p.repetition_penalty, float(p.do_sample), p.length_penalty)


def least_kept(num_beams: int) -> int:
    """Tokens that filters always leave: beams need one that is not the stop token."""
    return 2 if num_beams > 1 else 1


@dataclass(frozen=True, eq=False)
class Candidates:
    """What the filters left: scores [R, C] (-inf: filtered), tokens int64 [R, C] in ascending order of id."""

    scores: torch.Tensor
    tokens: torch.Tensor


def penalise(scores: torch.Tensor, seen: torch.Tensor, penalty: torch.Tensor) -> torch.Tensor:
    """Scores [R, V] with every seen token (bool [R, V]) made less likely by its row's penalty [R], once."""
    factor = penalty[:, None]
    return torch.where(seen, torch.where(scores < 0, scores * factor, scores / factor), scores)


def shortlist(scores: torch.Tensor, table: SamplingTable, keep: int) -> Candidates:
    """Temperature, top-k and top-p over scores [R, V], one row of `table` for each; at least `keep` tokens survive.

    Ties at the k-th place all stay. Of equal scores at top-p's edge the lower id goes first.
    """
    scores = scores / table.temperature[:, None]
    found = _top_k(scores, table.top_k)
    ascending, order = found.scores.sort(dim=1, stable=True)
    removed = ascending.softmax(dim=1).cumsum(dim=1) <= table.tail[:, None]
    removed[:, -keep:] = False
    removed = removed.scatter(1, order, removed)
    return Candidates(found.scores.masked_fill(removed, float("-inf")), found.tokens)


def _top_k(scores: torch.Tensor, top_k: torch.Tensor) -> Candidates:
    width, vocabulary = int(top_k.max()), scores.shape[1]
    # One more than wanted shows whether there are ties to keep, without a look at the whole vocabulary.
    values, tokens = scores.topk(min(width + 1, vocabulary), dim=1)
    threshold = values.gather(1, top_k[:, None] - 1)
    if width < vocabulary and bool((values[:, width:] >= threshold).any()):
        values, tokens = scores.topk(int((scores >= threshold).sum(dim=1).max()), dim=1)
    else:
        values, tokens = values[:, :width], tokens[:, :width]
    tokens, order = tokens.sort(dim=1)
    values = values.gather(1, order)
    return Candidates(values.masked_fill(values < threshold, float("-inf")), tokens)


def draw(
    logits: torch.Tensor, seen: torch.Tensor, table: SamplingTable, seeds: torch.Tensor, steps: torch.Tensor
) -> torch.Tensor:
    """The next token int64 [L] of lines without beams.

    logits: [L, V]. seen: bool [L, V]. seeds, steps: int64 [L]; a step counts the line's draws from 0.
    """
    kept = shortlist(penalise(logits.float(), seen, table.penalty), table, least_kept(1))
    keys = kept.scores + table.noise[:, None] * gumbel(seeds[:, None], steps[:, None], kept.tokens)
    return kept.tokens.gather(1, keys.argmax(dim=1, keepdim=True)).squeeze(1)

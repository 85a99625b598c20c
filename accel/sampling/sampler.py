"""From logits to the next token, as pure functions. Order: repetition penalty, temperature, top-k, top-p, draw.

Dimensions: L lines, R rows, V vocabulary, C candidates.
Semantics are those of transformers' logits processors. A draw adds Gumbel noise to the surviving scores and takes the
largest, which samples from their softmax; the noise of a token depends on (seed, step, token) alone (see philox.py).
Everything is float32, whatever the model's dtype.
"""

from dataclasses import dataclass

import torch

from .params import SamplingTable, min_tokens_to_keep
from .philox import gumbel_noise


@dataclass(frozen=True, eq=False)
class Candidates:
    """What the filters left: scores [R, C] (-inf: filtered), tokens int64 [R, C] in ascending order of id."""

    scores: torch.Tensor
    tokens: torch.Tensor


def apply_repetition_penalty(scores: torch.Tensor, seen: torch.Tensor, penalty: torch.Tensor) -> torch.Tensor:
    """Scores [R, V] with every seen token (bool [R, V]) made less likely by its row's penalty [R], once."""
    factor = penalty[:, None]
    return torch.where(seen, torch.where(scores < 0, scores * factor, scores / factor), scores)


def filter_candidates(scores: torch.Tensor, table: SamplingTable, keep: int) -> Candidates:
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


def sample_tokens(
    logits: torch.Tensor, seen: torch.Tensor, table: SamplingTable, seeds: torch.Tensor, steps: torch.Tensor
) -> torch.Tensor:
    """The next token int64 [L] of lines without beams.

    logits: [L, V]. seen: bool [L, V]. seeds, steps: int64 [L]; a step counts the line's draws from 0.
    """
    kept = filter_candidates(
        apply_repetition_penalty(logits.float(), seen, table.penalty), table, min_tokens_to_keep(1)
    )
    keys = kept.scores + table.noise[:, None] * gumbel_noise(seeds[:, None], steps[:, None], kept.tokens)
    return kept.tokens.gather(1, keys.argmax(dim=1, keepdim=True)).squeeze(1)

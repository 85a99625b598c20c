"""Codes written several times over in the exported vocabulary, because a code may hardly be spoken twice in a line.

The released sampler's repetition penalty (10, over the whole line) makes a second use of a code next to impossible. A
code that lines use often therefore has several names: equal codebook rows, equal embeddings, a share of the probability
each. The penalty then only crosses out names that are used up.
K codes, V names, U utterances.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

OFTEN = 0.98
"""A code gets names enough for this share of the utterances that use it at all."""


@dataclass(frozen=True, eq=False)
class Copies:
    """owner: int64 [V], the code that each name stands for. The first K names are the codes themselves."""

    owner: Tensor

    @property
    def counts(self) -> Tensor:
        """int64 [K], names of each code."""
        return torch.bincount(self.owner)

    def rows(self, table: Tensor) -> Tensor:
        """A table [K + rest, …] over codes and control codes as one over names, [V + rest, …]."""
        codes = len(self.counts)
        return torch.cat((table[:codes][self.owner], table[codes:]))

    def shared(self, bias: Tensor) -> Tensor:
        """The output layer's bias [K + rest] so that a code's names share its probability evenly, [V + rest]."""
        codes = len(self.counts)
        return self.rows(torch.cat((bias[:codes] - self.counts.log(), bias[codes:])))


def allot(codes: Tensor, starts: Tensor, lengths: Tensor, kinds: int, names: int) -> Copies:
    """Share `names` out among `kinds` codes by how often single utterances use them. codes: int64 [C]."""
    need = often_used(codes, starts, lengths, kinds).double()
    extra = need / need.sum().clamp_min(1e-9) * (names - kinds)
    counts = extra.floor()
    left = int(names - kinds - counts.sum())
    counts[(extra - counts).topk(left).indices] += 1
    more = torch.arange(kinds).repeat_interleave(counts.long())
    return Copies(torch.cat((torch.arange(kinds), more)))


def often_used(codes: Tensor, starts: Tensor, lengths: Tensor, kinds: int) -> Tensor:
    """float32 [K]: how many times an utterance that uses a code uses it, in all but the most extreme utterances."""
    utterance = torch.arange(len(lengths)).repeat_interleave(lengths)
    within = torch.arange(int(lengths.sum())) - (lengths.cumsum(0) - lengths).repeat_interleave(lengths)
    spoken = codes.cpu()[starts.repeat_interleave(lengths) + within]
    pairs, times = torch.unique(utterance * kinds + spoken, return_counts=True)
    code = pairs % kinds
    order = torch.argsort(times, stable=True)
    order = order[torch.argsort(code[order], stable=True)]
    users = torch.bincount(code, minlength=kinds)
    place = users.cumsum(0) - users + ((users - 1).clamp_min(0) * OFTEN).round().long()
    return torch.where(users > 0, times[order][place.clamp_max(len(times) - 1)], 0).float()

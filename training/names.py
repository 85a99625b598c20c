"""Codes written several times over in the exported vocabulary, because a code may hardly be spoken twice in a line.

The released sampler's repetition penalty (10, over the whole line) makes a second use of a code next to impossible, and
a small codebook's codes come back several times a line. So every code has several names: equal codebook rows, equal
embeddings, an equal share of its probability. The penalty then only crosses out names that are used up. All codes have
as many names: beam search ranks names by probability, and a code with fewer would be preferred.
The output layer is also sharpened, so that the default temperature hardly draws what was never likely: the synthesizers
that it learnt from say nothing in two ways.
K codes, V names of them; beside codes a table may have rows for start and stop.
"""

import math

import torch
from torch import Tensor

NAMES = 6
"""Of each code. With 512 codes, 1 to 2 in 100 spoken codes then find all their names used up (lines of 2 to 10 s)."""

SHARPNESS = 2.0
"""What logits are multiplied by: words misheard fell from 17.0 to 13.7 %, with 4.0 to 14.5 % (50 sentences)."""


def named(table: Tensor, codes: int) -> Tensor:
    """[K + rest, …] over codes and the rest to [V + rest, …]: the codes' rows `NAMES` times over, then the rest."""
    return torch.cat((*[table[:codes]] * NAMES, table[codes:]))


def shared(bias: Tensor, codes: int) -> Tensor:
    """The output layer's bias [K + rest] so that a code's names share its probability evenly, [V + rest]."""
    less = torch.zeros_like(bias)
    less[:codes] = math.log(NAMES)
    return named(bias - less, codes)


def trained_rows(table: Tensor, codes: int) -> Tensor:
    """The reverse of `named`: each code's rows once, then the rest."""
    return torch.cat((table[:codes], table[codes * NAMES :]))


def trained_bias(bias: Tensor, codes: int) -> Tensor:
    """The reverse of `shared`."""
    more = torch.zeros(len(bias) - codes * (NAMES - 1))
    more[:codes] = math.log(NAMES)
    return trained_rows(bias, codes) + more

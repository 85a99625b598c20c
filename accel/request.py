"""Request and answer of a decoder: the plain loop and the engine share both records.

Dimensions: P prompt rows, D width, T generated tokens.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from .sampling.params import SamplingParams

OnPoll = Callable[[int], None]
"""Called between steps with the number of tokens drawn so far; may raise, a BaseException too, to cancel the run."""


@dataclass(frozen=True, eq=False)
class Request:
    """One sequence to continue.

    prompt: [P, D] finished embeddings on the decoder's device, in its dtype. seed: 64 bits. max_tokens: draws allowed,
    the stop token counted. history: token ids that the repetition penalty covers from the first draw.
    """

    prompt: torch.Tensor
    seed: int
    sampling: SamplingParams
    max_tokens: int
    history: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Finished:
    """The answer to `requests[index]`. tokens: int64 [T] on the CPU, without the stop token.

    finished is False where `max_tokens` draws held no stop token.
    """

    index: int
    tokens: torch.Tensor
    finished: bool


class Decoder(Protocol):
    """Both decoders: the plain loop and the engine."""

    def generate(self, requests: Sequence[Request], on_poll: OnPoll | None = None) -> Generator[Finished, None, None]:
        """Answers in the order they are ready, each request exactly once. Closing it ends the run."""
        ...


def check_request(request: Request, width: int, vocabulary: int, limit: int) -> None:
    """Raises `ValueError` for a request that a decoder of that width, vocabulary and token limit cannot run."""
    shape = tuple(request.prompt.shape)
    if request.prompt.dim() != 2 or shape[1] != width or shape[0] == 0:
        raise ValueError(f"prompt is {shape}, expected [P, {width}] with P >= 1")
    if not 1 <= request.max_tokens <= limit:
        raise ValueError(f"max_tokens is {request.max_tokens}, expected 1..{limit}: the model has no more positions")
    unknown = [token for token in request.history if not 0 <= token < vocabulary]
    if unknown:
        raise ValueError(f"history holds {unknown}, expected token ids 0..{vocabulary - 1}")

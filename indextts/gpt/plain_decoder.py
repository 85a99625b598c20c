"""The plain decoder with a KV cache: one line and one code at a time. Slow, readable, the oracle of the engine.

Dimensions: K beams, V codes, P prompt rows, D width, T codes drawn.
"""

from collections.abc import Callable, Generator, Sequence

import torch
from torch import Tensor

from ...accel.request import Finished, OnPoll, Request, check_request
from ...accel.sampling.beam_search import BeamState, advance_beam_search, backtrack_tokens, pick_best_hypothesis
from ...accel.sampling.params import SamplingTable
from ...accel.sampling.philox import signed_seed
from ...accel.sampling.sampler import sample_tokens
from .model import FIRST_CODE_POSITION, KVCache, UnifiedVoice


class PlainDecoder:
    """See `accel.request.Decoder`."""

    def __init__(self, model: UnifiedVoice) -> None:
        self._model = model

    @torch.inference_mode()
    def generate(self, requests: Sequence[Request], on_poll: OnPoll | None = None) -> Generator[Finished, None, None]:
        """Answers in the requests' order. Raises `ValueError` for a request the model cannot run."""
        weights = self._model.decoder_weights()
        for request in requests:
            check_request(request, weights.width, weights.vocabulary, weights.max_tokens)
        drawn = 0

        def poll() -> None:
            nonlocal drawn
            drawn += 1
            if on_poll is not None:
                on_poll(drawn)

        for index, request in enumerate(requests):
            decode = _sample_codes if request.sampling.num_beams == 1 else _search_beams
            tokens, finished = decode(_LineState(self._model, request), poll)
            yield Finished(index, tokens, finished)


class _LineState:
    """One line's KV cache, logits and penalty mask: K rows, one a beam, equal at first.

    logits: [K, V], for the next code. seen: bool [K, V], what the repetition penalty covers. table, seed: the line's
    sampling settings as tensors of one row.
    """

    def __init__(self, model: UnifiedVoice, request: Request) -> None:
        self._model = model
        self._cache: KVCache = []
        self._fed = 0
        self.limit = request.max_tokens
        self.stop = model.config.stop_mel_token
        beams = request.sampling.num_beams
        self.logits = self._compute_logits(model(request.prompt[None], self._cache)).expand(beams, -1)
        device, codes = self.logits.device, self.logits.shape[1]
        self.seen = torch.zeros(beams, codes, dtype=torch.bool, device=device)
        self.seen[:, list(request.history)] = True
        self.table = SamplingTable.from_params([request.sampling], codes, device)
        self.seed = torch.tensor([signed_seed(request.seed)], device=device)
        self.reorder_cache(torch.zeros(beams, dtype=torch.int64, device=device))

    def reorder_cache(self, parents: Tensor) -> None:
        """Make row i continue row parents[i]."""
        self._cache[:] = [(keys[parents], values[parents]) for keys, values in self._cache]
        self.seen = self.seen[parents]

    def feed_codes(self, codes: Tensor) -> None:
        """Decode step: one code [K] for each row, to the logits of the next."""
        self.seen.scatter_(1, codes[:, None], True)
        positions = torch.full_like(codes, FIRST_CODE_POSITION + self._fed)
        self._fed += 1
        self.logits = self._compute_logits(self._model(self._model.embed_codes(codes, positions)[:, None], self._cache))

    def _compute_logits(self, hidden: Tensor) -> Tensor:
        return self._model.mel_head(hidden[:, -1])


def _sample_codes(line: _LineState, poll: Callable[[], None]) -> tuple[Tensor, bool]:
    """Sampling without beams: codes int64 [T] and whether the stop code ended them."""
    codes: list[int] = []
    while len(codes) < line.limit:
        code = sample_tokens(line.logits, line.seen, line.table, line.seed, torch.full_like(line.seed, len(codes)))
        poll()
        if int(code) == line.stop:
            return torch.tensor(codes, dtype=torch.int64), True
        codes.append(int(code))
        if len(codes) < line.limit:
            line.feed_codes(code)
    return torch.tensor(codes, dtype=torch.int64), False


def _search_beams(line: _LineState, poll: Callable[[], None]) -> tuple[Tensor, bool]:
    """Beam search: the best hypothesis' codes int64 [T] and whether the stop code ended it."""
    state = BeamState.start_search(1, line.seen.shape[0], line.seed.device)
    drawn: list[Tensor] = []
    parents: list[Tensor] = []
    done = False
    while not done and len(drawn) < line.limit:
        step = torch.full_like(line.seed, len(drawn))
        choice = advance_beam_search(line.logits, line.seen, line.table, line.seed, step, state, line.stop)
        poll()
        state, done = choice.state, bool(choice.done)
        drawn.append(choice.tokens[0])
        parents.append(choice.parents[0])
        if not done and len(drawn) < line.limit:
            line.reorder_cache(choice.parents[0])
            line.feed_codes(choice.tokens[0])
    slot, length, finished = pick_best_hypothesis(state, 0, len(drawn), done, float(line.table.length_penalty))
    return backtrack_tokens(torch.stack(drawn, dim=1), torch.stack(parents, dim=1), slot, length), finished

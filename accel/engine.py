"""The engine: continuous batching of all requests of a call over a paged KV cache, on what the device runs best.

Holds the cache, the runner (CUDA graphs and their buffers) and the states they work on, until `close`.
"""

import logging
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

import torch

from .attention import choose_attention
from .batch import Batch
from .cache.cache_pool import CachePool, PageDemand
from .cache.paged_cache import PagedCache
from .rehearsal import rehearse_decoding
from .request import Finished, OnPoll, Request, check_request
from .runners.base import StepRunner
from .runners.torch_runner import TorchRunner
from .scheduler import Scheduler, final_length, pages_needed, worst_case_pages
from .state import TABLE_COLUMNS, DecodeState, round_up_lanes
from .weights import DecoderWeights

logger = logging.getLogger(__name__)

POLL_STEPS = {"cuda": 8, "cpu": 8}
"""Most steps between two readbacks, by device; one elsewhere."""

READBACKS_BEHIND = {"cuda": 1}
"""Groups of steps under way when the next is launched, by device; none elsewhere, where launching is computing."""

OWN_PAGES = 3
"""Pages a beam usually has for itself: where it writes, its spare, and one that no other beam shares."""


@dataclass(frozen=True)
class EngineOptions:
    """max_lanes: lines decoded at once. max_cache_bytes: None sets no limit but what the batch needs at worst.

    expected_tokens: how long a line usually gets; the cache starts at that size and grows where lines get longer.
    attention: a backend's name, or auto. page_size, poll_steps (tokens between two readbacks), readbacks_behind (those
    not yet read when further steps are launched): None leaves them to the backend and the device. prompt_rows:
    how many one prefill holds. graphs: capture steps where the device and the backend can.
    """

    max_lanes: int = 64
    max_cache_bytes: int | None = None
    expected_tokens: int | None = None
    attention: str = "auto"
    page_size: int | None = None
    poll_steps: int | None = None
    readbacks_behind: int | None = None
    prompt_rows: int = 8192
    graphs: bool = True


@dataclass(frozen=True)
class RunLimits:
    """What a run may take, where that is less than the engine's options allow; None is those."""

    max_lanes: int | None = None
    max_cache_bytes: int | None = None
    prompt_rows: int | None = None

    def apply_to(self, options: EngineOptions) -> EngineOptions:
        """The options with every limit that is set, `options` being the most."""
        limits = {name: value for name, value in vars(self).items() if value is not None}
        least = {
            name: value if (given := getattr(options, name)) is None else min(value, given)
            for name, value in limits.items()
        }
        return replace(options, **least)


@dataclass(frozen=True)
class CacheDemand:
    """Bytes of the KV cache for some requests. least: for the largest alone. expected: usually. worst: if none ends
    early. lanes: how many of them are decoded at once."""

    least: int
    expected: int
    worst: int
    lanes: int


class Engine:
    """See `accel.request.Decoder`. One run at a time; a run that ends in any way returns every page."""

    def __init__(
        self, weights: DecoderWeights, options: EngineOptions | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises `ValueError` for an attention backend that cannot run. clock: seconds, see `TorchRunner`."""
        self._weights = weights
        self._given = self._options = options or EngineOptions()
        self._clock = clock
        self.attention = choose_attention(weights.device, weights.dtype, weights.head_dim, self._options.attention)
        behind = self._options.readbacks_behind
        self._readbacks_behind = READBACKS_BEHIND.get(weights.device.type, 0) if behind is None else behind
        self._page_size = self._options.page_size or self.attention.backend.page_size
        steps = self._options.poll_steps or POLL_STEPS.get(weights.device.type, 1)
        self._poll_steps = min(steps, self._page_size)
        self._pool = CachePool(weights, self._page_size, self._options.max_cache_bytes, self._close_runner)
        self._runner: StepRunner | None = None
        self._runner_is_for: PagedCache | None = None
        self._states: dict[int, DecodeState] = {}
        self._untidy: set[int] = set()
        self._busy = False
        self._poll_inside: Callable[[], None] | None = None

    def limit_runs(self, limits: RunLimits) -> None:
        """What the runs from now on may take."""
        self._options = limits.apply_to(self._given)
        self._pool.max_bytes = self._options.max_cache_bytes

    @property
    def cache_bytes(self) -> int:
        """What the cache takes now; runs that need no more of it find it there."""
        return self._pool.cache_bytes

    def cache_demand(self, requests: Sequence[Request]) -> CacheDemand:
        """What a run over `requests` would take of the cache without limits."""
        lanes = min(len(requests), self._given.max_lanes)
        pages, size = self._page_demand(requests, lanes), self._pool.page_bytes
        least, expected, worst = ((count + 1) * size for count in (pages.least, pages.expected, pages.worst))
        return CacheDemand(least, expected, worst, lanes)

    @torch.inference_mode()
    def generate(self, requests: Sequence[Request], on_poll: OnPoll | None = None) -> Generator[Finished, None, None]:
        """Answers in the order they are ready.

        Raises `ValueError` for a request the model cannot run, `OutOfCacheMemory` for one that does not fit, and
        `RuntimeError` while another run of this engine goes on.
        """
        for request in requests:
            check_request(request, self._weights.width, self._weights.vocabulary, self._weights.max_tokens)
        if self._busy:
            raise RuntimeError("this engine already decodes; finish or close the other run first")
        drawn = 0
        try:
            self._busy = True
            for beams in dict.fromkeys(request.sampling.num_beams for request in requests):
                group = [(i, r) for i, r in enumerate(requests) if r.sampling.num_beams == beams]
                with closing(self._new_batch(group, beams)) as batch:
                    self._poll_inside = partial(_poll_batch, on_poll, drawn, batch)
                    while batch.has_work:
                        yield from batch.advance_lanes()
                        self._poll_inside()
                self._untidy.discard(beams)
                drawn += batch.tokens_drawn
        finally:
            self._busy, self._poll_inside = False, None

    def describe_attention(self) -> str:
        """The backend, why it and no other, and where it costs the CUDA graphs: for reports."""
        lost = self._weights.device.type == "cuda" and not self._can_capture
        graphs = "; no CUDA graphs, which need triton" if lost else ""
        return f"{self.attention.description}{graphs}"

    @property
    def _can_capture(self) -> bool:
        """The captured step is made of our own kernels, attention included."""
        return self.attention.backend.name == "triton"

    def rehearse(self, lanes: int, beams: int) -> None:
        """Launch what decoding `lanes` lines of so many beams launches, see `rehearse_decoding`."""
        if self._captures:
            rehearse_decoding(self._weights, self.attention.backend, min(lanes, self._options.max_lanes), beams)

    def close(self) -> None:
        """Drop graphs, states and cache. The engine can be used again and would build them anew."""
        self._pool.drop_cache()
        self._states.clear()

    def _close_runner(self) -> None:
        if self._runner is not None:
            self._runner.close()
        self._runner = self._runner_is_for = None

    def _new_batch(self, group: list[tuple[int, Request]], beams: int) -> Batch:
        requests = [request for _, request in group]
        self._pool.prepare_run(self._page_demand(requests, min(len(requests), self._options.max_lanes)))
        scheduler = Scheduler(self._pool.allocator, self._page_size, self._options.max_lanes, self._options.prompt_rows)
        for index, request in group:
            scheduler.submit(index, request)
        planned = round_up_lanes(min(len(requests), self._given.max_lanes))
        state = self._decode_state(requests, beams, planned)
        if beams in self._untidy:  # an exception may have kept the last run's lanes from being emptied
            state.clear_lanes()
        self._untidy.add(beams)
        return Batch(scheduler, state, self._ensure_resources, planned, self._poll_steps, self._readbacks_behind)

    def _page_demand(self, requests: Sequence[Request], lanes: int) -> PageDemand:
        claims = sorted((worst_case_pages(r, self._page_size) for r in requests), reverse=True)
        usual = sorted((self._expected_pages(r) for r in requests), reverse=True)
        return PageDemand(claims[0], sum(usual[:lanes]), sum(claims[:lanes]))

    def _expected_pages(self, request: Request) -> int:
        """Pages of a line as long as expected, whose beams share all but their last pages."""
        claim, expected = worst_case_pages(request, self._page_size), self._options.expected_tokens
        if expected is None:
            return claim
        beams = request.sampling.num_beams
        own = OWN_PAGES * beams if beams > 1 else 0
        length = min(request.prompt.shape[0] + expected, final_length(request))
        return min(claim, pages_needed(length, self._page_size) + own)

    def _decode_state(self, requests: Sequence[Request], beams: int, lanes: int) -> DecodeState:
        """The state of that many beams, a larger one where the last one is too small."""
        longest = max(map(final_length, requests))
        columns = pages_needed(longest, self._page_size) + 1
        state = self._states.get(beams)
        if state is None or state.lane_count < lanes or state.rows.block_tables.shape[1] < columns:
            columns, w = -(-columns // TABLE_COLUMNS) * TABLE_COLUMNS, self._weights
            state = DecodeState.allocate(lanes, beams, w.vocabulary, columns, w.max_tokens, w.device)
            self._states[beams] = state
        return state

    def _ensure_resources(self, wanted: int) -> tuple[PagedCache, StepRunner]:
        """The cache, with `wanted` free pages where the device has them, and a runner on it."""
        self._pool.ensure_free_pages(wanted)
        cache = self._pool.cache
        assert cache is not None, "the pool is prepared before a run"
        if self._runner is None or self._runner_is_for is not cache:
            self._close_runner()
            self._runner, self._runner_is_for = self._new_runner(cache), cache
        return cache, self._runner

    @property
    def _captures(self) -> bool:
        return self._weights.device.type == "cuda" and self._options.graphs and self._can_capture

    def _new_runner(self, cache: PagedCache) -> StepRunner:
        if self._captures:
            from .runners.graph_runner import GraphRunner

            return GraphRunner(self._weights, cache, self.attention.backend)
        return TorchRunner(self._weights, cache, self.attention.backend, self._clock, self._poll_runner)

    def _poll_runner(self) -> None:
        """Inside a step or a prefill that takes long."""
        if self._poll_inside is not None:
            self._poll_inside()


def _poll_batch(on_poll: OnPoll | None, drawn: int, batch: Batch) -> None:
    """drawn: tokens of the batches before."""
    if on_poll is not None:
        on_poll(drawn + batch.tokens_drawn)

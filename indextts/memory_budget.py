"""The memory budget: before a stage the device's free memory is asked, and what runs at once is cut to it.

Where nothing is short nothing is cut, and every stage keeps its CUDA graphs. Where a run is short of memory only the
decoder does, whose kernels say what is spoken; the other stages run plainly, in batches that fit. A batch that does not
fit all the same is halved and tried again, down to one segment; then the pipeline's last resorts free more. Which lines
run together changes no line's codes, and its waveform by rounding alone, so neither codes nor seeds depend on it.
"""

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ..accel.engine import CacheDemand, RunLimits
from ..runtime.cuda_graphs import is_stream_ordered
from ..runtime.device_memory import DeviceMemory
from .error_context import out_of_memory_only
from .memory_costs import (
    DECODE_BYTES,
    REFERENCE_FRAMES,
    RELEASED,
    RELEASED_WEIGHT_BYTES,
    RunBytes,
    StageCosts,
)

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

UNLIMITED = sys.maxsize
MARGIN_BYTES = 192 * 2**20
"""Left free: kernels loaded at their first use, what libraries take beside PyTorch, blocks too small for anything."""
MOST_MARGIN_BYTES = 2 * MARGIN_BYTES
"""What it grows to where memory has run out, so that the next run does not run out again."""

STREAM_ORDERED = (
    "latents, flow and vocoder without CUDA graphs: PyTorch allocates with cudaMallocAsync, which cannot hold them; "
    "start ComfyUI with --disable-cuda-malloc for faster single lines"
)

RENDERING_SHARE = 3
"""One part in so many of a short run's memory is for rendering, the rest for the KV cache."""


class MemoryBudget:
    """One run's, from `begin_run` on. release_graphs: called where memory turns out to be short.

    resorts: what can be given up where even one segment does not fit; each says whether it has freed anything, and is
    asked again.
    """

    def __init__(self, memory: DeviceMemory, costs: StageCosts, release_graphs: Callable[[], None]) -> None:
        self.memory, self.costs = memory, costs
        self._release_graphs = release_graphs
        self._margin = MARGIN_BYTES
        self.begin_run()

    def begin_run(self, resorts: Sequence[Callable[[], bool]] = ()) -> None:
        """Forget what was short before."""
        self.short = False
        self._resorts = list(resorts)
        self._most: dict[str, int] = {}
        self._cuts: dict[str, str] = {"allocator": STREAM_ORDERED} if is_stream_ordered() else {}
        self._squeezes = 0

    @property
    def graphs(self) -> bool:
        """Whether stages may keep CUDA graphs."""
        return not self.short and not is_stream_ordered()

    @property
    def cuts(self) -> list[str]:
        """What was cut in this run, and how much was free then, for the report."""
        return list(self._cuts.values())

    @property
    def room_bytes(self) -> int:
        """What a stage may take now."""
        free = self.memory.free_bytes
        return UNLIMITED if free is None else max(0, free - self._margin)

    def run_bytes(self, needed: RunBytes, weights: int, absent: int) -> int:
        """What a run takes in the room there is. weights: bytes of all that will be on the device with it, of which so
        many are `absent`."""
        total = self.memory.total_bytes
        if total is None:
            return needed.whole
        most = max(0, total - weights - MARGIN_BYTES)
        return min(most, needed.in_room(self.room_bytes - absent))

    def expect(self, needed: int, held: int = 0) -> None:
        """The run is short from here on if `needed` bytes are not there. held: how many of them it has already."""
        if not self.short and self.room_bytes + held < needed:
            self._run_short()

    def limit_decoding(self, demand: CacheDemand, held: int, rendering: tuple[int, int, int]) -> RunLimits:
        """What the engine may take. held: by its cache. rendering: bytes that the stages behind it need for one
        segment, for a whole batch, and for a whole one with CUDA graphs."""
        least, best, graphs = rendering
        self.expect(demand.expected + graphs + DECODE_BYTES, held)
        if not self.short:
            return RunLimits()
        room = min(self.room_bytes, UNLIMITED - held) + held
        wanted = max(demand.least, demand.expected)
        rendering_bytes = min(best, max(least, room // RENDERING_SHARE, room - wanted - DECODE_BYTES))
        most = max(demand.least, (room - rendering_bytes - DECODE_BYTES) >> self._squeezes)
        cache = min(most, wanted)
        if max(demand.least, cache * 3 // 4) <= held <= most:
            cache = held  # one of another size would have all graphs captured anew
        lanes = min(self._most.get("decoding", demand.lanes), max(1, demand.lanes * cache // demand.expected))
        self._note_cut("decoding", lanes, demand.lanes, f"{lanes} lines decoded at once, not {demand.lanes}")
        rows = max(1, rendering_bytes // self.costs.position)
        return RunLimits(lanes, cache, rows)

    def run_in_batches(
        self,
        stage: str,
        items: Sequence[Item],
        cost: Callable[[Sequence[Item]], int],
        work: Callable[[Sequence[Item]], Sequence[Result]],
    ) -> list[Result]:
        """`work` over all `items`, as many at once as fit by their `cost` in bytes, one at least."""
        done: list[Result] = []
        while len(done) < len(items):
            rest = items[len(done) :]
            count = self._count_fitting(rest, cost)
            self._note_cut(stage, count, len(rest), f"{stage} in batches of {count}, not {len(items)}")
            done += self.attempt(stage, count, partial(self._work_on_first, work, cost, rest))
        return done

    def attempt(self, stage: str, most: int, work: Callable[[int], Result], least: int = 1) -> Result:
        """`work` with `most` of what it counts, or half as many as often as memory does not suffice, down to `least`.

        Raises what the device raised where that does not suffice either.
        """
        amount = min(most, self._most.get(stage, most))
        while True:
            try:
                return work(amount)
            except RuntimeError as error:
                failure = out_of_memory_only(error)
            amount = self.retreat(stage, amount, failure, least)

    def retreat(self, stage: str, amount: int, failure: RuntimeError, least: int = 1) -> int:
        """How many to try after `amount` did not fit: `failure` is raised where nothing is left to give up."""
        self._margin = min(MOST_MARGIN_BYTES, self._margin + MARGIN_BYTES)
        self._squeezes += stage == "decoding"
        if not self.short:
            self._run_short()
        elif amount <= least and not any(resort() for resort in self._resorts):
            raise failure
        self.memory.give_back()
        smaller = max(least, amount // 2)
        log.warning("%s: %d at once do not fit (%s); trying %d", stage, amount, failure, smaller)
        self._most[stage] = smaller
        self._note_cut(stage, smaller, amount + 1, f"{stage} by {smaller}: more did not fit")
        return smaller

    def retreat_decoding(self, waiting: int, failure: RuntimeError) -> None:
        """After `waiting` lines, or as many of them as were allowed, could not be decoded together."""
        self.retreat("decoding", min(waiting, self._most.get("decoding", waiting)), failure)

    def gather(self, size: int) -> None:
        """Where memory is short: `size` bytes in one piece, for a stage that takes so many. Elsewhere it has graphs,
        whose memory is their own."""
        if self.short:
            self.memory.gather(size)

    def fit_units(self, stage: str, most: int, unit_bytes: int, least: int) -> int:
        """How many of `most` units of `unit_bytes` each fit now, `least` at least."""
        if not self.short:
            return most
        count = min(most, max(least, self.room_bytes // unit_bytes))
        self._note_cut(stage, count, most, f"{stage} by {count}, not {most}")
        return count

    def note(self, name: str, words: str) -> None:
        """Something else that was given up, for the report."""
        self._note_cut(name, 0, 1, words)

    def _work_on_first(
        self,
        work: Callable[[Sequence[Item]], Sequence[Result]],
        cost: Callable[[Sequence[Item]], int],
        items: Sequence[Item],
        count: int,
    ) -> Sequence[Result]:
        self.gather(cost(items[:count]))
        return work(items[:count])

    def _count_fitting(self, items: Sequence[Item], cost: Callable[[Sequence[Item]], int]) -> int:
        """How many of the first `items` fit now."""
        if not self.short or (room := self.room_bytes) == UNLIMITED:
            return len(items)
        return next((n for n in range(len(items), 1, -1) if cost(items[:n]) <= room), 1)

    def _run_short(self) -> None:
        self.short = True
        self._note_cut("graphs", 0, 1, "latents, flow and vocoder without CUDA graphs")
        self._release_graphs()

    def _note_cut(self, stage: str, amount: int, wanted: int, words: str) -> None:
        if amount < wanted:
            free = self.memory.free_bytes
            self._cuts[stage] = words + ("" if free is None else f": {free / 2**30:.1f} GiB free")


@dataclass(frozen=True)
class Fit:
    """What fits: lines decoded at once, of how many and with how many beams; segments that share one flow, 0 where not
    even one has room."""

    lines_at_once: int
    lines: int
    beams: int
    flow_batch: int

    def __str__(self) -> str:
        if not self.flow_batch:
            return "not one line fits"
        lines = f"{self.lines_at_once} {'line' if self.lines_at_once == 1 else 'lines'}"
        beams = "" if self.beams == 1 else f" × {self.beams} beams"
        return f"{lines}{beams} at once"


def what_fits(
    free_bytes: int,
    lines: int,
    beams: int,
    seconds: float = 10.0,
    weight_bytes: int = RELEASED_WEIGHT_BYTES,
    costs: StageCosts = RELEASED,
    flow_batch: int = 8,
) -> Fit:
    """How much of a dialogue of `lines` lines of `seconds` each runs at once in `free_bytes`, the weights counted.

    weight_bytes: 0 where they are on the device already. The defaults are the released model's in half precision.
    """
    room = free_bytes - weight_bytes - MARGIN_BYTES - DECODE_BYTES
    codes = round(seconds * costs.version.codes_per_second)
    one_line = costs.usual_tokens(codes, beams) * costs.cache_token
    rendering, best = (max(costs.rendering([codes] * count, REFERENCE_FRAMES)) for count in (1, flow_batch))
    if room < one_line + rendering:
        return Fit(0, lines, beams, 0)
    kept = min(best, max(rendering, room // RENDERING_SHARE))
    at_once = max(1, min(lines, (room - kept) // one_line))
    return Fit(at_once, lines, beams, max(1, flow_batch * kept // best))

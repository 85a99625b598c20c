"""Decode state of a batch: block tables, lengths, tokens, beams, in device tensors that stay where they are.

Dimensions: L lanes (one line each), K beams, R = L * K rows, V vocabulary, C block table columns, M draws at most, and
one.
Row r is beam r % K of lane r // K. Lanes in use come first. A step reads and writes these tensors alone, so it can be
captured in a graph; the host writes them only between runs of steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from .request import Request
from .sampling.beam_search import BeamState
from .sampling.params import SamplingTable, per_row
from .sampling.philox import signed_seed

Part = TypeVar("Part")

TABLE_COLUMNS = 16
"""What block tables' columns are a multiple of: of 16, for which Triton compiles kernels of their own, so that there is
one of each and not one more for some lengths."""


@dataclass(frozen=True, eq=False)
class RowState:
    """Tensors with one row for each beam of each lane.

    tokens: int64 [R], drawn last, entering next. lengths: int32 [R], tokens in the cache, so the next one's place.
    block_tables: int32 [R, C]; columns past a row's pages hold the scratch page. spares: int32 [R], with beams a page
    of the row's own to copy into, else the scratch page. seen: bool [R, V], what the repetition penalty covers.
    drawn: int32 [R, M], the tokens of each draw. parents: int32 [R, M], the beam (0 … K - 1) that each draw continued.
    The last column of both takes what lanes that are not alive draw.
    """

    tokens: torch.Tensor
    lengths: torch.Tensor
    block_tables: torch.Tensor
    spares: torch.Tensor
    seen: torch.Tensor
    drawn: torch.Tensor
    parents: torch.Tensor


@dataclass(frozen=True, eq=False)
class LaneState:
    """Tensors with one row for each lane.

    seeds, steps (draws made), limits (draws allowed): int64 [L]. finished: bool [L], set by a step, also for empty
    lanes. stopped: bool [L], finished by the stop token (with beams: by hypotheses that cannot be beaten) and not by
    the limit. paused: bool [L], set by the host: leave this lane as it is.
    """

    seeds: torch.Tensor
    steps: torch.Tensor
    limits: torch.Tensor
    finished: torch.Tensor
    stopped: torch.Tensor
    paused: torch.Tensor


@dataclass(frozen=True, eq=False)
class DecodeState:
    """L lanes of K beams. `table` has one row a lane; `search` is used where K > 1."""

    beams: int
    rows: RowState
    lanes: LaneState
    table: SamplingTable
    search: BeamState

    @staticmethod
    def allocate(
        lanes: int, beams: int, vocabulary: int, columns: int, draws: int, device: torch.device
    ) -> "DecodeState":
        """All lanes empty: finished, on the scratch page."""

        def zeros(*shape: int, dtype: torch.dtype = torch.int32) -> torch.Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        rows, long, flag = lanes * beams, torch.int64, torch.bool
        return DecodeState(
            beams,
            RowState(
                tokens=zeros(rows, dtype=long),
                lengths=zeros(rows),
                block_tables=zeros(rows, columns),
                spares=zeros(rows),
                seen=zeros(rows, vocabulary, dtype=flag),
                drawn=zeros(rows, draws + 1),
                parents=zeros(rows, draws + 1),
            ),
            LaneState(*(zeros(lanes, dtype=kind) for kind in (long, long, long, flag, flag, flag))),
            SamplingTable(*(zeros(lanes, dtype=kind) + 1 for kind in SamplingTable.column_dtypes())),
            BeamState.start_search(lanes, beams, device),
        ).clear_lanes()

    def clear_lanes(self) -> "DecodeState":
        """The same tensors with every lane empty."""
        self.lanes.finished.fill_(True)
        self.rows.block_tables.zero_()
        self.rows.lengths.zero_()
        self.rows.spares.zero_()
        return self

    @property
    def lane_count(self) -> int:
        return self.lanes.seeds.shape[0]

    @property
    def alive_lanes(self) -> torch.Tensor:
        """bool [L]: lanes that a step moves on."""
        return ~(self.lanes.finished | self.lanes.paused)

    def per_row(self, lanes: torch.Tensor) -> torch.Tensor:
        """A lane's value [L] for each of its rows [R]."""
        return per_row(lanes, self.beams)

    def slice_lanes(self, first: int, last: int) -> "DecodeState":
        """Lanes first … last - 1, sharing memory with this state."""
        k = self.beams
        return DecodeState(
            k,
            _slice_fields(self.rows, first * k, last * k),
            _slice_fields(self.lanes, first, last),
            _slice_fields(self.table, first, last),
            _slice_fields(self.search, first, last),
        )

    def start_requests(self, requests: Sequence[Request]) -> None:
        """Make every lane of this state (or view) start one request; block tables and spares stay the caller's."""
        device, vocabulary = self.rows.seen.device, self.rows.seen.shape[1]
        lanes = self.lane_count
        fresh = LaneState(
            seeds=torch.tensor([signed_seed(r.seed) for r in requests]),
            steps=torch.zeros(lanes, dtype=torch.int64),
            limits=torch.tensor([r.max_tokens for r in requests]),
            **{name: torch.zeros(lanes, dtype=torch.bool) for name in ("finished", "stopped", "paused")},
        )
        _copy_fields(self.lanes, fresh)
        _copy_fields(self.table, SamplingTable.from_params([r.sampling for r in requests], vocabulary, device))
        _copy_fields(self.search, BeamState.start_search(lanes, self.beams, device))
        self.rows.lengths.copy_(self.per_row(torch.tensor([r.prompt.shape[0] for r in requests])))
        self.rows.seen.zero_()
        for lane, request in enumerate(requests):
            if request.history:
                self.rows.seen[lane * self.beams : (lane + 1) * self.beams, list(request.history)] = True

    def copy_lane(self, source: int, target: int) -> None:
        """Copy lane `source` over lane `target`."""
        here, there = self.slice_lanes(source, source + 1), self.slice_lanes(target, target + 1)
        for part in ("rows", "lanes", "table", "search"):
            _copy_fields(getattr(there, part), getattr(here, part))


def round_up_lanes(lanes: int) -> int:
    """States and captured graphs have a power of two of them."""
    return 1 << (lanes - 1).bit_length()


def _slice_fields(part: Part, first: int, last: int) -> Part:
    return type(part)(**{name: tensor[first:last] for name, tensor in vars(part).items()})


def _copy_fields(target: object, source: object) -> None:
    for name, tensor in vars(source).items():
        getattr(target, name).copy_(tensor)

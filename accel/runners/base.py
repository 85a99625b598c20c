"""The interface between the engine and whatever computes its prefills and decode steps.

A runner owns no sequence. It gets a `DecodeState` (state.py: device tensors at fixed addresses), a `PagedCache` and
`DecoderWeights`, all of which outlive it, and does three things:

`prefill(prompts, slots)` runs whole prompts, stores their keys and values in `slots` and returns the logits [n, V] of
    each prompt's last row. `slots` are those of beam 0; the engine copies what other beams own.
`draw_first(state, logits)` makes the first draw of the lanes of `state` (a view of the lanes just filled) from logits
    [L * K, V]: `choose_next`, or anything equal to it.
`run_steps(state, lanes, steps, planned)` does the following `steps` times, or less often, for lanes 0 … lanes - 1, and
    may return before the device has finished (the engine reads `state` next, which waits):
      1. every row: x = token_embedding[tokens] + position_embedding[first_position + steps - 1] (steps of its lane);
      2. each layer: keys and values go to slot block_tables[r, lengths[r] // S] * S + lengths[r] % S, attention runs
         over lengths[r] + 1 tokens;
      3. lengths += 1 where the lane is alive (neither finished nor paused); final norms, head, logits in float32;
      4. `choose_next(state, logits, cache, stop_token)` (next_token.py), which changes alive lanes only.
    Lanes that are not alive may be computed or not: they write to a page of their own or to the scratch page, and
    whatever they compute is dropped. Lanes past `lanes` up to `state.lane_count` are empty, so a runner may round up.
    Every alive row has pages for `steps` more tokens, in the columns that follow. `steps` is at most the page size.
    planned: lanes, rounded, that the run would have with all memory it wants. A row should come out as in a step of so
    many, to the last bit: a draw may hang on it, and what a line says must not depend on the memory that is free.

A graph runner captures step 1 to 4 once per (state, rounded lanes): the state stays the same object, and no tensor in
it moves, until `close`. The engine makes a new runner when it replaces the cache.
"""

from collections.abc import Sequence
from typing import Protocol

import torch

from ..state import DecodeState


class StepRunner(Protocol):
    """See the module's docstring. Everything runs under `torch.inference_mode`."""

    name: str

    def prefill(self, prompts: Sequence[torch.Tensor], slots: torch.Tensor) -> torch.Tensor:
        """prompts: n tensors [P, D]. slots: int64 [sum of P]. Returns float32 logits [n, V]."""
        ...

    def draw_first(self, state: DecodeState, logits: torch.Tensor) -> None: ...

    def run_steps(self, state: DecodeState, lanes: int, steps: int, planned: int) -> None: ...

    def close(self) -> None:
        """Drop graphs and buffers."""
        ...

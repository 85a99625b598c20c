"""A decoder's launches without a decoder's work: every kernel that decoding so many lines needs.

Dimensions: L lanes, K beams, V vocabulary.
"""

import torch

from .attention import AttentionBackend
from .cache.paged_cache import PagedCache
from .state import TABLE_COLUMNS, DecodeState, round_up_lanes
from .weights import DecoderWeights

PAGES = 2


def rehearse_decoding(weights: DecoderWeights, attention: AttentionBackend, lanes: int, beams: int) -> None:
    """A prefill, a first draw and a step with each number of lanes that such a run has graphs of, on a small cache and
    a state of their own. Empty lanes are not alive, so that nothing depends on what a skipped kernel left unwritten."""
    from .runners.graph_runner import GraphRunner

    device, vocabulary, size = weights.device, weights.vocabulary, attention.page_size
    cache = PagedCache.allocate(
        len(weights.layers), PAGES, size, weights.heads, weights.head_dim, weights.dtype, device
    )
    runner = GraphRunner(weights, cache, attention)
    prompt = torch.zeros(1, weights.width, dtype=weights.dtype, device=device)
    runner.prefill([prompt], torch.zeros(1, dtype=torch.int64, device=device))
    planned = round_up_lanes(lanes)
    state = DecodeState.allocate(planned, beams, vocabulary, TABLE_COLUMNS, weights.max_tokens, device)
    for count in sorted({runner.lanes_alike(left, planned, beams) for left in range(1, planned + 1)}):
        runner.run_steps(state, count, 1, planned)
    if beams == 1:
        runner.draw_first(state, torch.zeros(planned, vocabulary, device=device))

"""The plain torch runner, for every device and every attention backend.

Dimensions: N packed tokens, L lanes, R rows, D width, V vocabulary.
"""

import time
from collections.abc import Callable, Sequence

import torch
from torch.nn.functional import gelu, layer_norm, linear

from ...runtime.cpu_matmul import runs_mkl_at_full_speed
from ..attention import AttentionBackend
from ..cache.paged_cache import PagedCache
from ..next_token import choose_next
from ..state import DecodeState
from ..weights import DecoderWeights, LayerWeights

READBACK_SECONDS = 0.05
"""How long `TorchRunner` keeps the host from reading back, and whoever wants to cancel."""

Attend = Callable[[int, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""(layer number, queries, keys, values [N, H, W]) -> [N, H, W]; stores keys and values on the way."""


class TorchRunner:
    """Plain torch operations, on any device. Returns early where a lane has ended, which another line may want, and
    after READBACK_SECONDS by `clock`."""

    name = "torch"

    def __init__(
        self,
        weights: DecoderWeights,
        cache: PagedCache,
        attention: AttentionBackend,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._weights = weights
        self._cache = cache
        self._attention = attention
        self._clock = clock
        self._pages = cache.layers

    def prefill(self, prompts: Sequence[torch.Tensor], slots: torch.Tensor) -> torch.Tensor:
        lengths = [prompt.shape[0] for prompt in prompts]
        x = self.through(torch.cat(list(prompts)), slots, lengths)
        ends = torch.tensor(lengths, device=x.device).cumsum(0) - 1
        return self.logits(x[ends])

    def through(self, x: torch.Tensor, slots: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Prompts of these lengths, one after the other [N, D], through all layers: [N, D]."""

        def attend(number: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            self._store(number, k, v, slots)
            return self._attention.attend_prefill(q, k, v, lengths)

        return _blocks(x, self._weights, attend)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """float32 [N, V] of what `through` returned."""
        return _logits(x, self._weights)

    def start(self, state: DecodeState, logits: torch.Tensor) -> None:
        choose_next(state, logits, self._cache, self._weights.stop_token)

    def run(self, state: DecodeState, lanes: int, steps: int) -> None:
        view = state if lanes == state.capacity else state.view(0, lanes)
        start = self._clock()
        for _ in range(steps):
            choose_next(view, self._step(view), self._cache, self._weights.stop_token)
            if bool(view.lanes.finished.any()) or self._clock() - start > READBACK_SECONDS:
                break

    def close(self) -> None:
        """Nothing to drop."""

    def _step(self, state: DecodeState) -> torch.Tensor:
        rows, size = state.rows, self._cache.page_size
        column, offset = rows.lengths // size, rows.lengths % size
        slots = rows.block_tables.gather(1, column.long()[:, None]).squeeze(1).long() * size + offset
        plan = self._attention.plan_decode(rows.block_tables, rows.lengths + 1, size)

        def attend(number: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            self._store(number, k, v, slots)
            return self._attention.attend_decode(q, self._pages[number], plan)

        x = _blocks(self._embed(state), self._weights, attend)
        rows.lengths.add_(state.per_row(state.alive))
        return _logits(x, self._weights)

    def _embed(self, state: DecodeState) -> torch.Tensor:
        last = self._weights.position_embedding.shape[0] - 1
        positions = (state.lanes.steps + self._weights.first_position - 1).clamp(max=last)
        place = self._weights.position_embedding.index_select(0, state.per_row(positions))
        return self._weights.token_embedding.index_select(0, state.rows.tokens) + place

    def _store(self, number: int, keys: torch.Tensor, values: torch.Tensor, slots: torch.Tensor) -> None:
        self._attention.store_kv(keys, values, self._pages[number], slots)


def _blocks(x: torch.Tensor, weights: DecoderWeights, attend: Attend) -> torch.Tensor:
    """All layers over [N, D]."""
    for number, layer in enumerate(weights.layers):
        x = _block(x, layer, number, weights, attend)
    return x


def _block(x: torch.Tensor, layer: LayerWeights, number: int, weights: DecoderWeights, attend: Attend) -> torch.Tensor:
    width = (weights.width,)
    h = layer_norm(x, width, layer.ln_1_weight, layer.ln_1_bias, weights.eps)
    heads = _linear(h, layer.qkv_weight, layer.qkv_bias).view(-1, 3, weights.heads, weights.head_dim)
    x = x + _linear(attend(number, *heads.unbind(1)).flatten(1), layer.out_weight, layer.out_bias)
    h = layer_norm(x, width, layer.ln_2_weight, layer.ln_2_bias, weights.eps)
    h = gelu(_linear(h, layer.fc_weight, layer.fc_bias), approximate="tanh")
    return x + _linear(h, layer.proj_weight, layer.proj_bias)


def _logits(x: torch.Tensor, weights: DecoderWeights) -> torch.Tensor:
    for weight, bias, eps in weights.final_norms:
        x = layer_norm(x, (weights.width,), weight, bias, eps)
    return _linear(x, weights.head_weight, weights.head_bias).float()


def _linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """x [N, in] times weight [out, in], transposed, plus bias."""
    if _weights_left(x.shape[0], weight):
        return torch.addmm(bias[:, None], weight, x.t()).t().contiguous()
    return linear(x, weight, bias)


def _weights_left(rows: int, weight: torch.Tensor) -> bool:
    """Whether this is one line's beams times a large, wide matrix on a CPU on which that is about twice as fast."""
    if not 2 <= rows <= 4 or weight.device.type != "cpu" or runs_mkl_at_full_speed():
        return False
    return weight.shape[0] >= weight.shape[1] >= 256

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
from ..quantization import linear_int8
from ..state import DecodeState
from ..weights import DecoderWeights, LayerWeights

READBACK_SECONDS = 0.05
"""How long `TorchRunner` keeps the host from reading back, and whoever wants to cancel; one layer longer at most."""

AttendLayer = Callable[[int, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""(layer number, queries, keys, values [N, H, W]) -> [N, H, W]; stores keys and values on the way."""


class TorchRunner:
    """Plain torch operations, on any device. Returns early where a lane has ended, which another line may want, and
    after READBACK_SECONDS by `clock`.

    on_wait: called between two layers of a prefill or a step that takes longer than that; may raise to cancel.
    """

    name = "torch"

    def __init__(
        self,
        weights: DecoderWeights,
        cache: PagedCache,
        attention: AttentionBackend,
        clock: Callable[[], float] = time.monotonic,
        on_wait: Callable[[], None] = lambda: None,
    ) -> None:
        self._weights = weights
        self._cache = cache
        self._attention = attention
        self._clock, self._on_wait = clock, on_wait
        self._told_at = clock()
        self._layer_kv = cache.layer_kv

    def prefill(self, prompts: Sequence[torch.Tensor], slots: torch.Tensor) -> torch.Tensor:
        lengths = [prompt.shape[0] for prompt in prompts]
        x = self.forward_layers(torch.cat(list(prompts)), slots, lengths)
        ends = torch.tensor(lengths, device=x.device).cumsum(0) - 1
        return self.compute_logits(x[ends])

    def forward_layers(self, x: torch.Tensor, slots: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Prompts of these lengths, one after the other [N, D], through all layers: [N, D]."""

        def attend_layer(number: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            self._tell_if_long()
            self._attention.store_kv(k, v, self._layer_kv[number], slots)
            return self._attention.attend_prefill(q, k, v, lengths)

        return _apply_layers(x, self._weights, attend_layer)

    def compute_logits(self, x: torch.Tensor) -> torch.Tensor:
        """Final norms and head over what the layers return [N, D]: float32 [N, V]."""
        weights = self._weights
        for weight, bias, eps in weights.final_norms:
            x = layer_norm(x, (weights.width,), weight, bias, eps)
        return _multiply_rows(x, weights.head_weight, weights.head_bias).float()

    def draw_first(self, state: DecodeState, logits: torch.Tensor) -> None:
        choose_next(state, logits, self._cache, self._weights.stop_token)

    def run_steps(self, state: DecodeState, lanes: int, steps: int, planned: int) -> None:
        view = state if lanes == state.lane_count else state.slice_lanes(0, lanes)
        start = self._clock()
        for _ in range(steps):
            choose_next(view, self.decode_logits(view), self._cache, self._weights.stop_token)
            if bool(view.lanes.finished.any()) or self._clock() - start > READBACK_SECONDS:
                break

    def close(self) -> None:
        """Nothing to drop."""

    def decode_logits(self, state: DecodeState) -> torch.Tensor:
        """Steps 1 to 3 of `run_steps`: float32 [R, V]."""
        rows, size = state.rows, self._cache.page_size
        column, offset = rows.lengths // size, rows.lengths % size
        slots = rows.block_tables.gather(1, column.long()[:, None]).squeeze(1).long() * size + offset
        plan = self._attention.plan_decode(rows.block_tables, rows.lengths + 1, size)

        def attend_layer(number: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            self._tell_if_long()
            self._attention.store_kv(k, v, self._layer_kv[number], slots)
            return self._attention.attend_decode(q, self._layer_kv[number], plan)

        x = _apply_layers(self._embed_tokens(state), self._weights, attend_layer)
        rows.lengths.add_(state.per_row(state.alive_lanes))
        return self.compute_logits(x)

    def _tell_if_long(self) -> None:
        if (now := self._clock()) - self._told_at > READBACK_SECONDS:
            self._told_at = now
            self._on_wait()

    def _embed_tokens(self, state: DecodeState) -> torch.Tensor:
        last = self._weights.position_embedding.shape[0] - 1
        positions = (state.lanes.steps + self._weights.first_position - 1).clamp(max=last)
        place = self._weights.position_embedding.index_select(0, state.per_row(positions))
        return self._weights.token_embedding.index_select(0, state.rows.tokens) + place


def _apply_layers(x: torch.Tensor, weights: DecoderWeights, attend_layer: AttendLayer) -> torch.Tensor:
    """All layers over [N, D]."""
    for number, layer in enumerate(weights.layers):
        x = _apply_layer(x, layer, number, weights, attend_layer)
    return x


def _apply_layer(
    x: torch.Tensor, layer: LayerWeights, number: int, weights: DecoderWeights, attend_layer: AttendLayer
) -> torch.Tensor:
    width = (weights.width,)
    h = layer_norm(x, width, layer.ln_1_weight, layer.ln_1_bias, weights.eps)
    qkv = _multiply_rows(h, layer.qkv_weight, layer.qkv_bias, layer.qkv_scales)
    h = attend_layer(number, *qkv.view(-1, 3, weights.heads, weights.head_dim).unbind(1)).flatten(1)
    x = x + _multiply_rows(h, layer.out_weight, layer.out_bias, layer.out_scales)
    h = layer_norm(x, width, layer.ln_2_weight, layer.ln_2_bias, weights.eps)
    h = gelu(_multiply_rows(h, layer.fc_weight, layer.fc_bias, layer.fc_scales), approximate="tanh")
    return x + _multiply_rows(h, layer.proj_weight, layer.proj_bias, layer.proj_scales)


def _multiply_rows(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, scales: torch.Tensor | None = None
) -> torch.Tensor:
    """x [N, in] times weight [out, in], transposed, plus bias. scales: of weights in 8 bits."""
    if scales is not None:
        return linear_int8(x, weight, scales, bias)
    if _is_weights_first_faster(x.shape[0], weight):
        return torch.addmm(bias[:, None], weight, x.t()).t().contiguous()
    return linear(x, weight, bias)


def _is_weights_first_faster(rows: int, weight: torch.Tensor) -> bool:
    """Whether this is one line's beams times a large, wide matrix on a CPU on which that is about twice as fast."""
    if not 2 <= rows <= 4 or weight.device.type != "cpu" or runs_mkl_at_full_speed():
        return False
    return weight.shape[0] >= weight.shape[1] >= 256

"""One decode step out of fused kernels, over buffers that stay where they are: fit to be captured.

Dimensions: R rows, D width, H heads, W head width, V vocabulary, P parts of a context, Z slices of a sum.
The residual stream is float32 throughout. A few rows go through streams of weights (gemv.py), more through tiles.
"""

import torch

from ..kv_cache import PagedCache
from ..state import DecodeState
from ..weights import DecoderWeights, LayerWeights
from .embed import embed
from .gemv import MOST_ROWS, Norm, gemv
from .paged_attention import attend_parts, combine, parts_for, supports
from .tiles import residual_norm, slices_for, tiled

MOST_NORMS = 2


def problem(weights: DecoderWeights) -> str | None:
    """Why these kernels cannot run this decoder, or None."""
    if not supports(weights.head_dim):
        return f"the kernels have no head width {weights.head_dim}"
    if not 1 <= len(weights.final_norms) <= MOST_NORMS:
        return f"the kernels take one or two final norms, got {len(weights.final_norms)}"
    return None


class DecodeStep:
    """Steps 1 to 3 of `StepRunner.run` without the lengths, for all rows of `state`."""

    def __init__(self, weights: DecoderWeights, cache: PagedCache, state: DecodeState) -> None:
        self._weights, self._cache, self._state = weights, cache, state
        rows = state.rows.tokens.shape[0]
        width, heads, head_dim, device = weights.width, weights.heads, weights.head_dim, weights.device
        parts = parts_for(rows, heads)

        def buffer(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
            return torch.empty(shape, dtype=dtype, device=device)

        self._rows, half = rows, weights.dtype
        self._x = buffer(rows, width)
        self._qkv = buffer(rows, 3, heads, head_dim, dtype=half)
        self._parts = buffer(
            rows, parts, heads, head_dim, dtype=torch.float32 if rows <= MOST_ROWS or parts > 1 else half
        )
        self._masses = buffer(rows, parts, heads)
        self._hidden = buffer(rows, 4 * width, dtype=half)
        self._logits = buffer(rows, weights.vocabulary)
        if rows > MOST_ROWS:
            self._normed = buffer(rows, width, dtype=half)
            self._attended = buffer(rows, heads, head_dim, dtype=half)
            self._out_sums = buffer(slices_for(width, width), rows, width)
            self._proj_sums = buffer(slices_for(4 * width, width), rows, width)

    def __call__(self) -> torch.Tensor:
        """Logits float32 [R, V], overwritten by the next call."""
        embed(self._state, self._weights, self._x)
        return self._few() if self._rows <= MOST_ROWS else self._many()

    def _few(self) -> torch.Tensor:
        weights, x = self._weights, self._x
        for number, layer in enumerate(weights.layers):
            gemv(x, layer.qkv_weight, layer.qkv_bias, self._flat_qkv, norms=(self._norm_1(layer),))
            self._attend(number)
            gemv(self._parts, layer.out_weight, layer.out_bias, x, masses=self._masses, residual=x)
            gemv(x, layer.fc_weight, layer.fc_bias, self._hidden, norms=(self._norm_2(layer),), gelu=True)
            gemv(self._hidden, layer.proj_weight, layer.proj_bias, x, residual=x)
        return gemv(x, weights.head_weight, weights.head_bias, self._logits, norms=weights.final_norms)

    def _many(self) -> torch.Tensor:
        weights, x, normed = self._weights, self._x, self._normed
        sums, bias = None, weights.layers[0].proj_bias
        for number, layer in enumerate(weights.layers):
            residual_norm(x, sums, bias, (self._norm_1(layer),), normed)
            tiled(normed, layer.qkv_weight, layer.qkv_bias, self._flat_qkv)
            tiled(self._attention(number), layer.out_weight, layer.out_bias, self._out_sums)
            residual_norm(x, self._out_sums, layer.out_bias, (self._norm_2(layer),), normed)
            tiled(normed, layer.fc_weight, layer.fc_bias, self._hidden, gelu=True)
            sums, bias = tiled(self._hidden, layer.proj_weight, layer.proj_bias, self._proj_sums), layer.proj_bias
        residual_norm(x, sums, bias, weights.final_norms, normed)
        return tiled(normed, weights.head_weight, weights.head_bias, self._logits)

    @property
    def _flat_qkv(self) -> torch.Tensor:
        return self._qkv.view(self._rows, -1)

    def _attend(self, number: int) -> None:
        """Store the new token and write attention's parts."""
        queries, keys, values = self._qkv.unbind(1)
        rows = self._state.rows
        pages = self._cache.keys[number], self._cache.values[number]
        attend_parts(queries, *pages, rows.block_tables, rows.lengths, self._parts, self._masses, (keys, values))

    def _attention(self, number: int) -> torch.Tensor:
        """[R, D] in the weights' dtype."""
        self._attend(number)
        if self._parts.shape[1] == 1:
            return self._parts.view(self._rows, -1)
        combine(self._parts, self._masses, self._attended)
        return self._attended.view(self._rows, -1)

    def _norm_1(self, layer: LayerWeights) -> Norm:
        return layer.ln_1_weight, layer.ln_1_bias, self._weights.eps

    def _norm_2(self, layer: LayerWeights) -> Norm:
        return layer.ln_2_weight, layer.ln_2_bias, self._weights.eps

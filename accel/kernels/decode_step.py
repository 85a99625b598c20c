"""One decode step out of fused kernels, over buffers that stay where they are, so that a CUDA graph can hold it.

Dimensions: R rows, D width, H heads, W head width, V vocabulary.
The residual stream is float32 throughout. A single row goes through one launch where that is faster (persistent/), a
few through GEMV (linear/gemv.py), more through GEMM and split-K GEMM (linear/gemm.py, linear/splitk_residual.py).
"""

import logging
from collections.abc import Hashable
from typing import Any

import torch
import triton

from ...runtime.device_capability import HEAD_WIDTHS
from ..cache.paged_cache import PagedCache
from ..state import DecodeState
from ..weights import DecoderWeights, LayerWeights
from .attention.paged_attention import SplitKVWorkspace, choose_attention_config, paged_attention
from .linear.embedding import embed_tokens
from .linear.folded_norm import FoldedNorms
from .linear.gemm import gemm
from .linear.gemm_shapes import choose_gemm_shape, rows_per_tile
from .linear.gemv import MAX_GEMV_ROWS, gemv
from .linear.layer_norm import layer_norm
from .linear.splitk_residual import ResidualStream, SplitKWorkspace, splitk_residual_gemm
from .pdl import triton_version
from .persistent.step import PersistentStep, prefers_megakernel

logger = logging.getLogger(__name__)

MAX_NORMS = 2
OLDEST_TRITON = (3, 4)
"""Kernels here index tuples, which older ones cannot."""


def why_unsupported(weights: DecoderWeights) -> str | None:
    """Why these kernels cannot run this decoder, or None."""
    if triton_version() < OLDEST_TRITON:
        return f"the kernels need Triton {'.'.join(map(str, OLDEST_TRITON))} or newer, got {triton.__version__}"
    if weights.head_dim not in HEAD_WIDTHS:
        return f"the kernels have no head width {weights.head_dim}"
    if not 1 <= len(weights.final_norms) <= MAX_NORMS:
        return f"the kernels take one or two final norms, got {len(weights.final_norms)}"
    return None


def step_shapes(weights: DecoderWeights, rows: int) -> tuple[Hashable, ...]:
    """All that decides in which order a step of so many rows sums: steps of equal ones compute a row alike."""
    if rows <= MAX_GEMV_ROWS:
        return (rows,)
    attention = choose_attention_config(rows, weights.heads, weights.head_dim, weights.device)
    layer = weights.layers[0]
    plain, residual = (layer.qkv_weight, layer.fc_weight, weights.head_weight), (layer.out_weight, layer.proj_weight)
    shapes = [choose_gemm_shape(matrix, rows, weights.dtype, residual=False) for matrix in plain]
    shapes += [choose_gemm_shape(matrix, rows, weights.dtype, residual=True) for matrix in residual]
    return (rows_per_tile(rows), attention, *shapes)


class DecodeStep:
    """Steps 1 to 3 of `StepRunner.run_steps` without the lengths, for all rows of `state`."""

    def __init__(
        self, weights: DecoderWeights, cache: PagedCache, state: DecodeState, norms: FoldedNorms | None = None
    ) -> None:
        """norms: those of `weights`, where they are folded already."""
        self._weights, self._state = weights, state
        rows = state.rows.tokens.shape[0]
        width, heads, head_dim, device = weights.width, weights.heads, weights.head_dim, weights.device

        def new_buffer(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
            return torch.empty(shape, dtype=dtype, device=device)

        self._rows, half = rows, weights.dtype
        self._norms = norms or FoldedNorms.from_weights(weights)
        self._stream = ResidualStream.allocate(rows, width, half, device)
        self._qkv = new_buffer(rows, 3, heads, head_dim, dtype=half)
        self._attended = new_buffer(rows, heads, head_dim, dtype=half)
        splits = choose_attention_config(rows, heads, head_dim, device).splits
        self._attention_workspace = SplitKVWorkspace.allocate(splits, rows, heads, head_dim, device)
        self._layers = cache.layer_kv
        self._hidden = new_buffer(rows, 4 * width, dtype=half)
        self._logits = new_buffer(rows, weights.vocabulary)
        self._megakernel = self._try_megakernel(cache) if rows == 1 and prefers_megakernel(weights) else None
        if rows > MAX_GEMV_ROWS:
            layer = weights.layers[0]
            self._out_workspace, self._proj_workspace = (
                SplitKWorkspace.allocate(rows, weight, half) for weight in (layer.out_weight, layer.proj_weight)
            )

    def __call__(self) -> torch.Tensor:
        """Logits float32 [R, V], overwritten by the next call."""
        if self._megakernel is not None:
            return self._megakernel()
        return self._run_gemv_layers() if self._rows <= MAX_GEMV_ROWS else self._run_gemm_layers()

    def _try_megakernel(self, cache: PagedCache) -> PersistentStep | None:
        """Tried once: it needs all of the chip's multiprocessors at the same time, and somebody may have set some
        aside."""
        step = PersistentStep(self._weights, cache, self._state, self._logits)
        try:
            step()
        except Exception as error:  # whatever the launch raises, or an older compiler
            logger.warning("a step of one line takes a launch for every matrix, as one for all does not run: %s", error)
            return None
        return step

    def _run_gemv_layers(self) -> torch.Tensor:
        weights, x = self._weights, self._stream.x
        embed_tokens(self._state, weights, x)
        for number, (layer, (norm_1, norm_2)) in enumerate(zip(weights.layers, self._norms.layers, strict=True)):
            fc, proj, following = self._prefetch_targets(number)
            gemv(x, **_linear(layer, "qkv"), out=self._flat_qkv, norm=norm_1, prefetch=fc)
            gemv(self._attend_layer(number), **_linear(layer, "out"), out=x, residual=x)
            gemv(x, **_linear(layer, "fc"), out=self._hidden, norm=norm_2, gelu=True, prefetch=proj)
            gemv(self._hidden, **_linear(layer, "proj"), out=x, residual=x, prefetch=following)
        return gemv(x, weights.head_weight, weights.head_bias, self._logits, norm=self._norms.head)

    def _prefetch_targets(self, number: int) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]:
        """What a layer's qkv, fc and proj have fetched for those that follow; with more than one row they have enough
        to do."""
        if self._rows > 1:
            return None, None, None
        layers, layer = self._weights.layers, self._weights.layers[number]
        following = layers[number + 1].qkv_weight if number + 1 < len(layers) else self._weights.head_weight
        return layer.fc_weight, layer.proj_weight, following

    def _run_gemm_layers(self) -> torch.Tensor:
        weights, stream, out, proj = self._weights, self._stream, self._out_workspace, self._proj_workspace
        embed_tokens(self._state, weights, stream.x, stream.scaled, proj.moments)
        for number, (layer, (norm_1, norm_2)) in enumerate(zip(weights.layers, self._norms.layers, strict=True)):
            x, qkv, hidden, gain = stream.scaled, self._flat_qkv, self._hidden, self._gain_after(number)
            gemm(x, **_linear(layer, "qkv"), out=qkv, norm=norm_1, moments=proj.moments)
            attended = self._attend_layer(number)
            splitk_residual_gemm(attended, **_linear(layer, "out"), stream=stream, workspace=out, gain=norm_2.gain)
            gemm(x, **_linear(layer, "fc"), out=hidden, norm=norm_2, moments=out.moments, gelu=True)
            splitk_residual_gemm(hidden, **_linear(layer, "proj"), stream=stream, workspace=proj, gain=gain)
        normed = layer_norm(stream.x, weights.final_norms, stream.scaled)
        return gemm(normed, weights.head_weight, weights.head_bias, self._logits)

    def _gain_after(self, number: int) -> torch.Tensor | None:
        """Of the norm that the next layer begins with."""
        layers = self._weights.layers
        return layers[number + 1].ln_1_weight if number + 1 < len(layers) else None

    @property
    def _flat_qkv(self) -> torch.Tensor:
        return self._qkv.view(self._rows, -1)

    def _attend_layer(self, number: int) -> torch.Tensor:
        """Store the new token and attend to all: [R, D] in the weights' dtype."""
        queries, keys, values = self._qkv.unbind(1)
        tables, lengths = self._state.rows.block_tables, self._state.rows.lengths
        pages, workspace = self._layers[number], self._attention_workspace
        paged_attention(queries, pages, tables, lengths, (keys, values), out=self._attended, workspace=workspace)
        return self._attended.view(self._rows, -1)


def _linear(layer: LayerWeights, name: str) -> dict[str, Any]:
    """Keyword arguments of a launch: weight, bias and scales of a layer's matrix."""
    return {part: getattr(layer, f"{name}_{part}") for part in ("weight", "bias", "scales")}

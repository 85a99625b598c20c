"""UnifiedVoice: GPT-2 over [speaker][text][semantic codes], with the released tensor names.

Dimensions: B lines, L positions, D width, H heads, W head width, T codes.
Text and codes have their own embeddings and position tables; GPT-2's own position embedding is not used.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn

from ...accel.weights import MATRICES, DecoderWeights, LayerWeights
from ...runtime.planless_attention import attend_planless
from ..config import GPTConfig

IGNORED = ("text_head.*", "gpt.wte.*", "gpt.wpe.*", "*.attn.bias", "*.attn.masked_bias")
"""Released tensors that inference never uses: the trainer's text head, GPT-2's own tables and causal masks."""

FIRST_CODE_POSITION = 2
"""Position row of the first generated code. The start code takes row 0; row 1 is skipped while decoding."""

SPEED_ROWS = (1, 0)
"""Rows of `speed_emb` in the order they stand in the prompt. Speed is set in the length regulator, not here."""

EXTRA_POSITIONS = {"text": 2, "mel": 3}
"""Rows of a position table beyond the tokens it is for."""

KVCache = list[tuple[Tensor, Tensor]]
"""KV cache: keys and values [B, H, L, W] of each layer so far; empty before the first call."""


class GPT2Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.c_attn = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x: [B, L, D], after `past` tokens where L is 1, else at the start. Returns [B, L, D] and all keys, values."""
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.c_attn(x).chunk(3, dim=-1))
        if past is not None:
            k, v = torch.cat((past[0], k), dim=2), torch.cat((past[1], v), dim=2)
        mixed = attend_planless(q, k, v, is_causal=past is None)
        return self.c_proj(mixed.transpose(1, 2).flatten(2)), (k, v)


class GPT2Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = GPT2Attention(width, heads)
        self.ln_2 = nn.LayerNorm(width)
        inner, outer = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.mlp = nn.Sequential(OrderedDict(c_fc=inner, gelu=nn.GELU(approximate="tanh"), c_proj=outer))

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        mixed, cached = self.attn(self.ln_1(x), past)
        x = x + mixed
        return x + self.mlp(self.ln_2(x)), cached


class GPT2(nn.Module):
    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.h = nn.ModuleList(GPT2Block(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)

    def forward(self, x: Tensor, cache: KVCache | None) -> Tensor:
        fresh: KVCache = []
        for number, block in enumerate(self.h):
            x, cached = block(x, cache[number] if cache else None)
            if cache is not None:  # else nothing holds a layer's keys and values while the next one runs
                fresh.append(cached)
        if cache is not None:
            cache[:] = fresh
        return self.ln_f(x)


class LearnedPositions(nn.Module):
    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(rows, width)

    def forward(self, rows: Tensor) -> Tensor:
        return self.emb(rows)


class UnifiedVoice(nn.Module):
    """The decoder of the GPT checkpoint; the voice encoder is its other half.

    language_rows: languages that the text is marked with, in a model that knows several (`lang_embedding`); such a
    model has no `speed_emb`.
    """

    def __init__(self, config: GPTConfig, language_rows: int = 0) -> None:
        super().__init__()
        width = config.model_dim
        self.config, self.language_rows = config, language_rows
        self.text_embedding = nn.Embedding(config.number_text_tokens + 1, width)
        self.text_pos_embedding = LearnedPositions(config.max_text_tokens + EXTRA_POSITIONS["text"], width)
        self.mel_embedding = nn.Embedding(config.number_mel_codes, width)
        self.mel_pos_embedding = LearnedPositions(config.max_mel_tokens + EXTRA_POSITIONS["mel"], width)
        if language_rows:
            self.lang_embedding = nn.Embedding(language_rows, width)
        else:
            self.speed_emb = nn.Embedding(len(SPEED_ROWS), width)
        self.gpt = GPT2(width, config.heads, config.layers)
        self.final_norm = nn.LayerNorm(width)
        self.mel_head = nn.Linear(width, config.number_mel_codes)

    def forward(self, embeddings: Tensor, cache: KVCache | None = None) -> Tensor:
        """Hidden states [B, L, D] after the final norm, for embeddings [B, L, D].

        With an empty `cache` this is the prefill; then L is 1, a decode step. The cache is extended in place.
        """
        return self.final_norm(self.gpt(embeddings, cache))

    def embed_codes(self, codes: Tensor, positions: Tensor) -> Tensor:
        """codes, positions: int64 of one shape [...]. Returns [..., D]."""
        return self.mel_embedding(codes) + self.mel_pos_embedding(positions)

    def embed_speed(self) -> Tensor:
        """The two rows [2, D] behind the speaker's: zeros, which are attended to, in a model without `speed_emb`."""
        weight = self.mel_head.weight
        if self.language_rows:
            return torch.zeros(len(SPEED_ROWS), self.config.model_dim, device=weight.device, dtype=weight.dtype)
        return self.speed_emb(torch.tensor(SPEED_ROWS, device=weight.device))

    def embed_text(self, ids: Tensor, language_row: int | None = None) -> Tensor:
        """[N, D] of ids [N] at text positions 0, 1, …, marked with the language where the model knows several."""
        embedded = self.text_embedding(ids) + self.text_pos_embedding(torch.arange(len(ids), device=ids.device))
        if language_row is None:
            return embedded
        return embedded + self.lang_embedding(torch.tensor(language_row, device=ids.device))

    def decoder_weights(self) -> DecoderWeights:
        """What the engine decodes with: these very tensors."""
        norms: Iterable[nn.LayerNorm] = (self.gpt.ln_f, self.final_norm)
        return DecoderWeights(
            layers=tuple(_view_layer_weights(cast(GPT2Block, block)) for block in self.gpt.h),
            final_norms=tuple((norm.weight, norm.bias, norm.eps) for norm in norms),
            head_weight=self.mel_head.weight,
            head_bias=self.mel_head.bias,
            token_embedding=self.mel_embedding.weight,
            position_embedding=self.mel_pos_embedding.emb.weight,
            heads=self.config.heads,
            first_position=FIRST_CODE_POSITION,
            stop_token=self.config.stop_mel_token,
            eps=self.gpt.ln_f.eps,
        )


def _view_layer_weights(block: GPT2Block) -> LayerWeights:
    parts = {
        "ln_1": block.ln_1,
        "qkv": block.attn.c_attn,
        "out": block.attn.c_proj,
        "ln_2": block.ln_2,
        "fc": block.mlp.c_fc,
        "proj": block.mlp.c_proj,
    }
    tensors = {f"{name}_{leaf}": getattr(part, leaf) for name, part in parts.items() for leaf in ("weight", "bias")}
    scales = {f"{name}_scales": getattr(parts[name], "scales", None) for name in MATRICES}
    return LayerWeights(**tensors, **cast(dict[str, Any], scales))


def rename_gpt_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The decoder's tensors of a GPT checkpoint under the module's names, the voice encoder's taken out before.

    `gpt.h` stores its matrices [in, out], ours are [out, in]: views, laid out anew where the weights come to lie.
    """
    return {
        name: tensor.t() if name.startswith("gpt.h.") and tensor.dim() == 2 else tensor
        for name, tensor in state.items()
    }

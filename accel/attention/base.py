"""One signature for every attention backend, so that the layers above never ask which one runs.

Dimensions: N packed tokens, R rows that decode, H heads, W head width, S page size, C block table columns.
A layer's keys and values live in pages of S tokens. Token t of row r lies at offset t % S of page
block_tables[r, t // S]. Its *slot* is page * S + offset; a slot mapping is the slots of packed tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from ..cache.paged_cache import LayerKV

BlockTablePlan = tuple[torch.Tensor, torch.Tensor]
"""What kernels read on the device: block tables int32 [R, C] and lengths int32 [R]."""


class AttentionBackend(Protocol):
    """Attention over a paged KV cache. All tensors of a call share device and dtype; scores are scaled by W^-1/2.

    name: what the registry and the report call it. page_size: the S it prefers.
    """

    name: str
    page_size: int

    @staticmethod
    def why_unavailable(device: torch.device, dtype: torch.dtype, head_dim: int) -> str | None:
        """Why it cannot run there, or None where it can."""
        ...

    def store_kv(self, keys: torch.Tensor, values: torch.Tensor, pages: LayerKV, slots: torch.Tensor) -> None:
        """Write keys and values [N, H, W] to the slot mapping int64 [N]."""
        ...

    def attend_prefill(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, lengths: Sequence[int]
    ) -> torch.Tensor:
        """Prefill: causal self-attention of packed prompts [N, H, W] with sum(lengths) == N. Returns [N, H, W]."""
        ...

    def plan_decode(self, block_tables: torch.Tensor, lengths: torch.Tensor, page_size: int) -> Any:
        """Whatever `attend_decode` needs to know, worked out once a step for all layers.

        block_tables: int32 [R, C]. lengths: int32 [R], tokens in the cache, the one just stored counted.
        """
        ...

    def attend_decode(self, queries: torch.Tensor, pages: LayerKV, plan: Any) -> torch.Tensor:
        """Decode: one query [R, H, W] for each row over all tokens of that row. Returns [R, H, W]."""
        ...


@dataclass(frozen=True)
class AttentionChoice:
    """The backend that runs, and why it and no other."""

    backend: AttentionBackend
    reason: str

    @property
    def description(self) -> str:
        """For reports."""
        return f"attention {self.backend.name} ({self.reason})"

"""Semantic codes and latents into mel: length regulator and flow matching."""

from .config import S2MelConfig
from .model import FlowLine, S2Mel
from .weights import IGNORED, rename

__all__ = ["IGNORED", "FlowLine", "S2Mel", "S2MelConfig", "rename"]

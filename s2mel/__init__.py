"""Semantic codes and latents into mel: length regulator and flow matching."""

from .config import S2MelConfig
from .model import FlowLine, S2Mel
from .weights import IGNORED, rename_s2mel_weights

__all__ = ["IGNORED", "FlowLine", "S2Mel", "S2MelConfig", "rename_s2mel_weights"]

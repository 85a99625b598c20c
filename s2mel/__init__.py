"""Semantic codes and latents into mel: length regulator and flow matching."""

from .config import S2MelConfig
from .model import FlowLine, S2Mel
from .solver import REFERENCE_SCHEDULE, FlowSchedule, uniform_schedule
from .weights import IGNORED, rename_s2mel_weights

__all__ = [
    "IGNORED",
    "REFERENCE_SCHEDULE",
    "FlowLine",
    "FlowSchedule",
    "S2Mel",
    "S2MelConfig",
    "rename_s2mel_weights",
    "uniform_schedule",
]

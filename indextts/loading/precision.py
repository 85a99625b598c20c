"""Which part runs in which precision, decided once, with a word where the user's wish cannot be met."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Precision:
    """The dtype of each part's weights. Style, codec and emotion rows are small and stay in float32.

    w2v-bert stays there too: which code a frame of the prompt gets turns on small differences of its output.
    """

    gpt: torch.dtype = torch.float32
    voice_encoder: torch.dtype = torch.float32
    semantic: torch.dtype = torch.float32
    s2mel: torch.dtype = torch.float32
    vocoder: torch.dtype = torch.float32


FULL = Precision()
HALF = Precision(gpt=torch.float16, voice_encoder=torch.float16, s2mel=torch.float16, vocoder=torch.float16)


def choose_precision(device: torch.device, use_fp16: bool) -> tuple[Precision, str | None]:
    """The precision for a device, and where half precision was asked for and declined, why."""
    if not use_fp16:
        return FULL, None
    if device.type == "cuda":
        return HALF, None
    return FULL, f"use_fp16: not used, {device.type} computes faster in float32; everything runs in float32"

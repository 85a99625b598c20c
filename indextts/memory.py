"""Device memory of a run beside the weights, KV cache and activations: an estimate to ask for before it starts."""

import re
from collections.abc import Sequence

import torch

from .config import GPTConfig
from .options import SpeakOptions
from .records import Line

PROMPT_TOKENS = 36
"""Of a prompt, without its text: voice latents, speed and start tokens."""

CODES_PER_TEXT_TOKEN = 12
LETTERS_PER_TEXT_TOKEN = 3

WORKING_BYTES = 600 * 2**20
"""Activations of the flow and the vocoder for a batch of segments, and the graphs."""

TEXT_READER_BYTES = 1400 * 2**20
"""The model that reads emotions from text, 0.6 billion half-precision weights; it is loaded by the first such line."""

_IDEOGRAPH = re.compile(r"[\u3040-\u9fff\uac00-\ud7af]")


def estimate_run_bytes(config: GPTConfig, dtype: torch.dtype, lines: Sequence[Line], options: SpeakOptions) -> int:
    """Bytes of the KV cache of all lines, every beam counted whole, and of activations."""
    per_token = 2 * config.layers * config.model_dim * dtype.itemsize
    cache = options.num_beams * sum(_estimate_tokens(line.text, options.max_codes) for line in lines) * per_token
    reads_text = any(line.emotion is not None and line.emotion.mode == "text" for line in lines)
    return cache + WORKING_BYTES + reads_text * TEXT_READER_BYTES


def _estimate_tokens(text: str, max_codes: int) -> int:
    ideographs = len(_IDEOGRAPH.findall(text))
    spoken = ideographs + -(-(len(text) - ideographs) // LETTERS_PER_TEXT_TOKEN)
    return PROMPT_TOKENS + spoken + min(max_codes, CODES_PER_TEXT_TOKEN * spoken)

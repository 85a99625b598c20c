"""Device memory that the stages of a run take beside the weights: estimates, for every stage a size times its unit.

Dimensions: D the GPT's width, W the flow's width, B lines, L positions, F mel frames, R branches of guidance.
Each unit is said where its stage is; tests/pipeline/test_memory_gpu.py holds them against what a GPU measures.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..accel.attention.sdpa import SdpaAttention
from ..accel.engine import OWN_PAGES, EngineOptions
from ..s2mel.estimator import count_token_bytes
from .conditioning.features import MEL_SAMPLE_RATE, SEMANTIC_SAMPLE_RATE, KaldiFilterBank, MelSpectrogram
from .conditioning.reference import MAX_SECONDS
from .conditioning.reference_encoders import FRAME_NUMBERS
from .config import BigVGANConfig, ModelConfig
from .gpt.latent_pass import count_position_bytes
from .options import SpeakOptions
from .records import Line
from .segments import FRAMES_PER_CODE
from .vocoder.vocoder import MOST_FRAMES, count_frame_bytes

PROMPT_TOKENS = 36
"""Of a prompt, without its text: voice latents, speed and start tokens."""

CODES_PER_TEXT_TOKEN = 12
LETTERS_PER_TEXT_TOKEN = 3
REFERENCE_FRAMES = int(MAX_SECONDS * MEL_SAMPLE_RATE) // MelSpectrogram.HOP
"""Mel frames of a recording, at most; the flow reads them as its prompt."""

TEXT_READER_BYTES = 1400 * 2**20
"""The model that reads emotions from text, 0.6 billion half-precision weights; it is loaded by the first such line."""

DECODE_BYTES = 96 * 2**20
"""What the engine takes beside its cache: states, workspaces, graphs."""

OWN_TOKENS = OWN_PAGES * SdpaAttention.page_size
"""That a beam usually has for itself in the KV cache; it shares the rest."""

_IDEOGRAPH = re.compile(r"[\u3040-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True)
class StageCosts:
    """Bytes of one unit of each stage's work.

    cache_token: keys and values of one token of one beam. position: one position of a prefill or of the latent pass.
    flow_token: one frame of one branch of guidance. vocoder_frame: one mel frame. reference: the longest recording.
    """

    cache_token: int
    position: int
    flow_token: int
    vocoder_frame: int
    reference: int

    @staticmethod
    def from_configs(model: ModelConfig, vocoder: BigVGANConfig, itemsize: int) -> "StageCosts":
        """itemsize: bytes of a weight, of the GPT, the flow and the vocoder alike."""
        return StageCosts(
            cache_token=2 * model.gpt.layers * model.gpt.model_dim * itemsize,
            position=count_position_bytes(model.gpt.model_dim, itemsize),
            flow_token=count_token_bytes(model.s2mel, itemsize),
            vocoder_frame=count_frame_bytes(vocoder, itemsize),
            reference=int(MAX_SECONDS * SEMANTIC_SAMPLE_RATE) // KaldiFilterBank.SHIFT * FRAME_NUMBERS * itemsize,
        )

    def latent_pass(self, positions: Sequence[int]) -> int:
        """Of segments of so many positions, padded to the longest."""
        return len(positions) * max(positions) * self.position

    def flow(self, frames: Sequence[int], branches: int = 2) -> int:
        """Of segments of so many frames, their prompts' counted."""
        return sum(frames) * branches * self.flow_token

    def rendering(self, codes: Sequence[int], reference_frames: int) -> tuple[int, int, int]:
        """Of segments of so many codes at once: the latent pass, the flow, the vocoder. One after the other they take
        the most of these; each keeps its own between runs where it has CUDA graphs."""
        frames = [round(count * FRAMES_PER_CODE) for count in codes]
        return (
            self.latent_pass([PROMPT_TOKENS + count for count in codes]),
            self.flow([reference_frames + count for count in frames]),
            min(sum(frames), MOST_FRAMES) * self.vocoder_frame,
        )


def estimate_run_bytes(costs: StageCosts, lines: Sequence[Line], options: SpeakOptions) -> int:
    """Of the KV cache of all lines that are decoded at once, every beam counted whole, and of what follows it."""
    tokens = sorted((estimate_tokens(line.text, options.max_codes) for line in lines), reverse=True)
    cache = options.num_beams * sum(tokens[: EngineOptions.max_lanes]) * costs.cache_token
    rendering = sum(costs.rendering(tokens[: options.flow_batch], REFERENCE_FRAMES)) if tokens else 0
    reads_text = any(line.emotion is not None and line.emotion.mode == "text" for line in lines)
    return cache + DECODE_BYTES + max(rendering, costs.reference) + reads_text * TEXT_READER_BYTES


def estimate_tokens(text: str, max_codes: int) -> int:
    """Of a line in the KV cache: its prompt and its codes."""
    ideographs = len(_IDEOGRAPH.findall(text))
    spoken = ideographs + -(-(len(text) - ideographs) // LETTERS_PER_TEXT_TOKEN)
    return PROMPT_TOKENS + spoken + min(max_codes, CODES_PER_TEXT_TOKEN * spoken)


def usual_tokens(codes: int, beams: int) -> int:
    """Of a line in the KV cache, whose beams share most of them."""
    return PROMPT_TOKENS + codes + (OWN_TOKENS * beams if beams > 1 else 0)


RELEASED = StageCosts(
    cache_token=122_880, position=56_320, flow_token=35_389, vocoder_frame=62_668, reference=228_000_000
)
"""Of the released model in half precision."""
RELEASED_WEIGHT_BYTES = 2926 * 2**20

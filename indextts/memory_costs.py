"""Device memory that the stages of a run take beside the weights: estimates, for every stage a size times its unit.

Dimensions: D the GPT's width, W the flow's width, B lines, L positions, F mel frames, R branches of guidance.
Each unit is said where its stage is. tests/pipeline/test_memory_costs.py holds them against what the stages allocate,
traced without a GPU, tests/pipeline/test_memory_gpu.py against a GPU's peaks.
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
from .model_version import V2_0, ModelVersion
from .options import SpeakOptions
from .records import Line
from .vocoder.vocoder import MOST_FRAMES, count_frame_bytes

LETTERS_PER_TEXT_TOKEN = 3
REFERENCE_FRAMES = int(MAX_SECONDS * MEL_SAMPLE_RATE) // MelSpectrogram.HOP
"""Mel frames of a recording, at most; the flow reads them as its prompt."""

TEXT_READER_BYTES = 1400 * 2**20
"""The model that reads emotions from text, 0.6 billion half-precision weights; it is loaded by the first such line."""

DECODE_BYTES = 224 * 2**20
"""What the engine takes beside its cache: states, workspaces, graphs of its step and of prompts."""

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
    version: ModelVersion = V2_0

    @staticmethod
    def from_configs(
        model: ModelConfig, vocoder: BigVGANConfig, itemsize: int, version: ModelVersion = V2_0
    ) -> "StageCosts":
        """itemsize: bytes of a weight, of the GPT, the flow and the vocoder alike."""
        return StageCosts(
            cache_token=2 * model.gpt.layers * model.gpt.model_dim * itemsize,
            position=count_position_bytes(model.gpt.model_dim, itemsize),
            flow_token=count_token_bytes(model.s2mel, itemsize),
            vocoder_frame=count_frame_bytes(vocoder, itemsize),
            reference=int(MAX_SECONDS * SEMANTIC_SAMPLE_RATE) // KaldiFilterBank.SHIFT * FRAME_NUMBERS * itemsize,
            version=version,
        )

    def latent_pass(self, positions: Sequence[int]) -> int:
        """Of segments of so many positions, padded to the longest."""
        return len(positions) * max(positions) * self.position

    def flow(self, frames: Sequence[int], branches: int = 2) -> int:
        """Of segments of so many frames, their prompts' counted."""
        return sum(frames) * branches * self.flow_token

    def usual_tokens(self, codes: int, beams: int) -> int:
        """Of a line in the KV cache, whose beams share most of them."""
        return self.version.prompt_rows + codes + (OWN_TOKENS * beams if beams > 1 else 0)

    def rendering(self, codes: Sequence[int], reference_frames: int) -> tuple[int, int, int]:
        """Of segments of so many codes at once: the latent pass, the flow, the vocoder. One after the other they take
        the most of these; each keeps its own between runs where it has CUDA graphs."""
        frames = [round(count * self.version.frames_per_code) for count in codes]
        positions = [self.version.prompt_rows + count for count in codes]
        return (
            self.latent_pass(positions) if self.version.has_latents else 0,
            self.flow([reference_frames + count for count in frames]),
            min(sum(frames), MOST_FRAMES) * self.vocoder_frame,
        )


@dataclass(frozen=True)
class RunBytes:
    """What a run takes beside the weights. whole: with all its lines at once and CUDA graphs. batch: with as many lines
    as share a flow, and without graphs, which takes hardly longer."""

    whole: int
    batch: int

    def in_room(self, room: int) -> int:
        """What it takes where so much is free: the whole where that fits, a batch at least."""
        return min(self.whole, max(self.batch, room))


def estimate_run_bytes(costs: StageCosts, lines: Sequence[Line], options: SpeakOptions) -> RunBytes:
    """Of the KV cache as it is at first, and of what follows it."""
    spoken = sorted((estimate_text_tokens(line.text) for line in lines), reverse=True)
    version = costs.version
    lengths = [min(options.max_codes, version.usual_codes) + count for count in spoken]
    cache = [costs.usual_tokens(length, options.num_beams) * costs.cache_token for length in lengths]
    slow = version.slow_codes_per_text_token
    codes = [min(options.max_codes, slow * count) for count in spoken[: options.flow_batch]]
    stages = costs.rendering(codes, REFERENCE_FRAMES) if codes else (0, 0, 0)
    reader = any(line.emotion is not None and line.emotion.mode == "text" for line in lines) * TEXT_READER_BYTES
    conditioning = costs.reference + reader
    whole = sum(cache[: EngineOptions.max_lanes]) + DECODE_BYTES + max(sum(stages), conditioning)
    batch = sum(cache[: options.flow_batch]) + DECODE_BYTES + max(*stages, conditioning)
    return RunBytes(whole, batch)


def estimate_text_tokens(text: str) -> int:
    """Of a line, as the text frontend will count them."""
    ideographs = len(_IDEOGRAPH.findall(text))
    return ideographs + -(-(len(text) - ideographs) // LETTERS_PER_TEXT_TOKEN)


RELEASED = StageCosts(
    cache_token=122_880, position=56_320, flow_token=35_709, vocoder_frame=65_740, reference=240_000_000
)
"""Of the released model in half precision."""
RELEASED_WEIGHT_BYTES = V2_0.weight_bytes
RELEASED_INT8_BYTES = 448 * 2**20
"""That its GPT's layers take less in 8 bits."""

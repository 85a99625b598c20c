"""Device memory that the stages of a run take beside the weights: estimates, for every stage a size times its unit.

Dimensions: D the GPT's width, W the flow's width, B lines, L positions, F mel frames, R branches of guidance.
The factors are counted from what the stages allocate; no peak has been measured against them on a GPU yet.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..accel.engine import EngineOptions
from .config import BigVGANConfig, ModelConfig
from .options import SpeakOptions
from .records import Line
from .segments import FRAMES_PER_CODE
from .vocoder.vocoder import MOST_FRAMES

PROMPT_TOKENS = 36
"""Of a prompt, without its text: voice latents, speed and start tokens."""

CODES_PER_TEXT_TOKEN = 12
LETTERS_PER_TEXT_TOKEN = 3
REFERENCE_FRAMES = 15 * 86
"""Mel frames of a recording, at most; the flow reads them as its prompt."""

TEXT_READER_BYTES = 1400 * 2**20
"""The model that reads emotions from text, 0.6 billion half-precision weights; it is loaded by the first such line."""

DECODE_BYTES = 96 * 2**20
"""What the engine takes beside its cache: states, workspaces, graphs."""

PASS_WIDTHS = 12
"""Of the GPT's activations of one position: its feed-forward's middle twice, the residual stream, keys and values."""
VOCODER_TENSORS = 6
"""As large as a stage of the vocoder, at once."""
REFERENCE_BYTES = 384 * 2**20
"""The reference encoders of the released size, which compute in float32, on the longest recording."""

OWN_TOKENS = 48
"""That a beam usually has for itself in the KV cache; it shares the rest."""

_IDEOGRAPH = re.compile(r"[\u3040-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True)
class StageCosts:
    """Bytes of one unit of each stage's work.

    cache_token: keys and values of one token of one beam. position: one position of a prefill or of the latent pass.
    flow_token: one frame of one branch of guidance. vocoder_frame: one mel frame.
    """

    cache_token: int
    position: int
    flow_token: int
    vocoder_frame: int

    @staticmethod
    def from_configs(model: ModelConfig, vocoder: BigVGANConfig, itemsize: int) -> "StageCosts":
        """itemsize: bytes of a weight, of the GPT, the flow and the vocoder alike."""
        return StageCosts(
            cache_token=2 * model.gpt.layers * model.gpt.model_dim * itemsize,
            position=PASS_WIDTHS * model.gpt.model_dim * itemsize,
            flow_token=_flow_token_bytes(model, itemsize),
            vocoder_frame=VOCODER_TENSORS * _widest_stage(vocoder) * itemsize,
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


def _flow_token_bytes(model: ModelConfig, itemsize: int) -> int:
    """The lower half's streams wait for the upper half; beside them the residual stream, and a feed-forward's middle
    before and after its gate."""
    dit = model.s2mel.dit
    inner = -(-int(8 * dit.hidden_dim / 3) // 256) * 256
    return 4 * dit.hidden_dim * (dit.depth // 2 + 3) + itemsize * (2 * dit.hidden_dim + 3 * inner)


def _widest_stage(config: BigVGANConfig) -> int:
    """Most numbers that a mel frame becomes in one tensor."""
    sizes, factor = [], 1
    for stage, rate in enumerate(config.upsample_rates, start=1):
        factor *= rate
        sizes.append(factor * (config.upsample_initial_channel >> stage))
    return max(sizes)


def estimate_run_bytes(costs: StageCosts, lines: Sequence[Line], options: SpeakOptions) -> int:
    """Of the KV cache of all lines that are decoded at once, every beam counted whole, and of what follows it."""
    tokens = sorted((estimate_tokens(line.text, options.max_codes) for line in lines), reverse=True)
    cache = options.num_beams * sum(tokens[: EngineOptions.max_lanes]) * costs.cache_token
    rendering = sum(costs.rendering(tokens[: options.flow_batch], REFERENCE_FRAMES)) if tokens else 0
    reads_text = any(line.emotion is not None and line.emotion.mode == "text" for line in lines)
    return cache + DECODE_BYTES + max(rendering, REFERENCE_BYTES) + reads_text * TEXT_READER_BYTES


def estimate_tokens(text: str, max_codes: int) -> int:
    """Of a line in the KV cache: its prompt and its codes."""
    ideographs = len(_IDEOGRAPH.findall(text))
    spoken = ideographs + -(-(len(text) - ideographs) // LETTERS_PER_TEXT_TOKEN)
    return PROMPT_TOKENS + spoken + min(max_codes, CODES_PER_TEXT_TOKEN * spoken)


def usual_tokens(codes: int, beams: int) -> int:
    """Of a line in the KV cache, whose beams share most of them."""
    return PROMPT_TOKENS + codes + (OWN_TOKENS * beams if beams > 1 else 0)


RELEASED = StageCosts(cache_token=122_880, position=30_720, flow_token=29_696, vocoder_frame=73_728)
"""Of the released model in half precision."""
RELEASED_WEIGHT_BYTES = 2450 * 2**20

"""What the folder holds beside networks: emotion vectors, and the styles of the voices they were heard from.

R rows of the matrices, S speakers they come from, D the decoder's width.
"""

from pathlib import Path

import numpy as np
import torch
from indextts2_multitalk.indextts.conditioning.voice_encoder import VoiceEncoder
from indextts2_multitalk.indextts.config import ModelConfig
from indextts2_multitalk.indextts.records import EMOTIONS
from torch import Tensor

from .corpus import Windows
from .flow_stage import FlowStage
from .speakers import NEUTRAL

WINDOW_CODES, WINDOWS = 150, 8


@torch.no_grad()
def write_tables(file: Path, config: ModelConfig, flow: FlowStage) -> None:
    """styles [R, 192] and vectors [R, D] as a pickle of tensors."""
    corpus = flow.gpt.heard.corpus
    rows = config.emo_num[0]
    assert set(config.emo_num) == {rows}, "every emotion has as many rows"
    chosen = spread_speakers(corpus.pitch_hz, rows)
    windows, rng = Windows(corpus), np.random.default_rng(0)
    styles = torch.stack([_style(flow, windows, speaker, rng) for speaker in chosen])
    vectors = [_emotion(flow, windows, speaker, e, rng) for e in range(len(EMOTIONS)) for speaker in chosen]
    state = {"styles": styles.repeat(len(EMOTIONS), 1), "vectors": torch.stack(vectors)}
    torch.save({name: tensor.cpu() for name, tensor in state.items()}, file)


def spread_speakers(pitch_hz: Tensor, count: int) -> list[int]:
    """`count` speakers evenly through the range of pitches; a pitch of 0 is nobody's."""
    order = [number for number in pitch_hz.argsort().tolist() if pitch_hz[number] > 0]
    return [order[round((place + 0.5) * len(order) / count - 0.5)] for place in range(count)]


def _style(flow: FlowStage, windows: Windows, speaker: int, rng: np.random.Generator) -> Tensor:
    starts = windows.starts([speaker] * WINDOWS, [NEUTRAL] * WINDOWS, WINDOW_CODES, rng)
    return flow.style(flow.gpt.heard.corpus.clips16(starts, WINDOW_CODES)).mean(dim=0)


def _emotion(flow: FlowStage, windows: Windows, speaker: int, emotion: int, rng: np.random.Generator) -> Tensor:
    heard = flow.gpt.heard
    starts = windows.starts([speaker] * WINDOWS, [emotion] * WINDOWS, WINDOW_CODES, rng)
    features = heard.corpus.take(heard.features, starts, WINDOW_CODES).float()
    encoder: VoiceEncoder = flow.gpt.modules["voice"]
    return encoder.emotion_vector(features).mean(dim=0)

"""What flows between the stages, from script to waveform.

Dimensions: T codes, F mel frames, N samples, D the GPT's width.
All tensors are float32 on the CPU unless said otherwise.
"""

from dataclasses import dataclass, field
from typing import Literal

import torch

from .errors import EmotionError, ScriptError

EMOTIONS = ("happy", "angry", "sad", "afraid", "disgusted", "melancholic", "surprised", "calm")
"""Order of an emotion vector, as in the released emotion matrix."""

OUTPUT_SAMPLE_RATE = 22050

STRONGEST_ALPHA = 2.0

LONGEST_SILENCE = 60.0
"""Seconds between lines, or between the segments of one."""

LONGEST_SECONDS = 12 * 3600.0
"""Of a dialogue: film and broadcast count from hour 10, and half a day is 4 GB of samples."""

LINE_LIMITS = {
    "speed": (0.1, 10.0),
    "pause_before": (0.0, LONGEST_SECONDS),
    "pause_after": (0.0, LONGEST_SECONDS),
    "start_seconds": (0.0, LONGEST_SECONDS),
    "slot_seconds": (0.0, LONGEST_SECONDS),
    "wished_seconds": (0.0, LONGEST_SECONDS),
    "fixed_seconds": (0.0, LONGEST_SECONDS),
}
"""What the numbers of a `Line` may be."""


@dataclass(frozen=True, eq=False)
class Audio:
    """Samples as they came. `samples`: float32 [C, N] in -1..1, any channel count, any length."""

    samples: torch.Tensor
    sample_rate: int

    @property
    def seconds(self) -> float:
        return self.samples.shape[-1] / self.sample_rate


@dataclass(frozen=True, eq=False)
class Voice:
    """A speaker's reference audio under the name the script uses. `boost` levels and trims it first."""

    name: str
    audio: Audio
    boost: bool = False


@dataclass(frozen=True, eq=False)
class Emotion:
    """How a line is delivered.

    speaker: as in the speaker's own reference. audio: as in `audio`, mixed by `alpha`. vector: eight weights in the
    order of `EMOTIONS`, scaled by `alpha`. text: read from `text` (the line's own text where that is None).
    """

    mode: Literal["speaker", "audio", "vector", "text"] = "speaker"
    audio: Audio | None = None
    vector: tuple[float, ...] | None = None
    text: str | None = None
    alpha: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= STRONGEST_ALPHA:
            raise EmotionError(f"emotion_alpha: got {self.alpha}, expected 0 to {STRONGEST_ALPHA:g}")


@dataclass(frozen=True, eq=False)
class Line:
    """One utterance. The parser leaves `voice` None; whoever knows the recordings fills it in.

    `index` counts lines of the script from 0; `source_line` is the row in the script text, from 1.
    `pause_before` / `pause_after`: extra silence asked for in the script, seconds; None means the default.
    `start_seconds`: where a subtitle says the line starts. `slot_seconds`: how long its subtitle leaves it.
    `wished_seconds`: how long its take is to be; None leaves that to the voice. `fixed_seconds`: the same, as the
    script says of this line alone.
    `language`: of this line alone, as `SpeakOptions.language`. `fixed_seed`: the seed that the script gives it.
    `notes`: what the parser left out or changed here, in words for the user.
    """

    index: int
    speaker: str
    text: str
    source_line: int = 1
    voice: Voice | None = None
    emotion: Emotion | None = None
    pause_before: float | None = None
    pause_after: float | None = None
    start_seconds: float | None = None
    slot_seconds: float | None = None
    wished_seconds: float | None = None
    fixed_seconds: float | None = None
    speed: float = 1.0
    seed: int = 0
    language: str | None = None
    fixed_seed: int | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, (least, most) in LINE_LIMITS.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                expected = f"expected {least:g} to {most:g}"
                raise ScriptError(f"{name}: got {value}, {expected}", line=self.source_line)


@dataclass(frozen=True, eq=False)
class VoiceFeatures:
    """All that is computed from one reference recording, once. On the model's device and dtype.

    semantic: [T, W] normalized w2v-bert features. style: [192]. speaker: prompt rows [R, D], one or 32. emotion:
    [D], the base vector. prompt_mel: [80, F]. prompt_condition: [F, C], regulated.
    """

    semantic: torch.Tensor
    style: torch.Tensor
    speaker: torch.Tensor
    emotion: torch.Tensor
    prompt_mel: torch.Tensor
    prompt_condition: torch.Tensor


@dataclass(frozen=True, eq=False)
class Codes:
    """One decoded segment. `tokens`: int64 [T], no start or stop token. `latents`: [T, D] on the model's device,
    if it has any.

    `finished` is False where the decoder ran into its limit before the stop token.
    """

    tokens: torch.Tensor
    latents: torch.Tensor | None = None
    finished: bool = True


@dataclass(frozen=True, eq=False)
class Take:
    """One spoken line. `waveform`: float32 [1, N] at `sample_rate`, on the CPU, never clipped or padded.

    `codes` has one int64 tensor [T] per text segment; `notes` are words for the user (a segment cut at the decoder's
    limit), `changes` those on what of the text is not spoken as it stands there. `spoken`: the text as the voice was
    given it, numbers in words.
    """

    line: Line
    waveform: torch.Tensor
    codes: tuple[torch.Tensor, ...]
    sample_rate: int = OUTPUT_SAMPLE_RATE
    notes: tuple[str, ...] = field(default=())
    changes: tuple[str, ...] = ()
    spoken: str = ""

    @property
    def seconds(self) -> float:
        return self.waveform.shape[-1] / self.sample_rate

"""ComfyUI's AUDIO to and from the pipeline's records.

B recordings in a batch, C channels, N samples.
"""

from typing import Any

import torch

from ..indextts.errors import AudioError
from ..indextts.records import Audio


def audio_from(value: Any, name: str) -> Audio:
    """An AUDIO dict (`waveform` float [B, C, N], `sample_rate`) as `Audio`. `name` is the input, for the messages.

    Raises `AudioError` where nothing is connected or the recording cannot be used.
    """
    if value is None:
        raise AudioError(
            f"{name}: got no audio (nothing is connected, or the source has no sound track); connect a Load Audio node"
        )
    if not isinstance(value, dict) or "waveform" not in value or "sample_rate" not in value:
        raise AudioError(f"{name}: got {type(value).__name__}, expected AUDIO; connect a Load Audio node")
    return Audio(_to_samples(value["waveform"], name), int(value["sample_rate"]))


def _to_samples(waveform: torch.Tensor, name: str) -> torch.Tensor:
    """float32 [C, N] on the CPU from [B, C, N] with B = 1, [C, N] or [N]."""
    if waveform.dim() == 3 and waveform.shape[0] != 1:
        raise AudioError(f"{name}: got a batch of {waveform.shape[0]} recordings, expected one")
    if waveform.numel() == 0:
        raise AudioError(f"{name}: the recording has no samples; expected a few seconds of one voice")
    samples = waveform.detach().to("cpu", torch.float32).reshape(-1, waveform.shape[-1])
    if not bool(torch.isfinite(samples).all()):
        raise AudioError(f"{name}: the recording holds NaN or infinite samples; export it again as WAV or FLAC")
    return samples


def audio_to(waveform: torch.Tensor, sample_rate: int) -> dict[str, Any]:
    """AUDIO from float32 [1, N]."""
    return {"waveform": waveform.unsqueeze(0), "sample_rate": sample_rate}

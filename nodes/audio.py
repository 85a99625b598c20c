"""ComfyUI's AUDIO to and from the pipeline's records.

B recordings in a batch, C channels, N samples.
"""

from typing import Any

import numpy as np
import torch

from ..indextts.errors import AudioError
from ..indextts.records import Audio

ADVICE = "expected AUDIO; connect a Load Audio node"


def audio_from(value: Any, name: str) -> Audio:
    """An AUDIO (`waveform` [B, C, N] with B = 1, `sample_rate`) as `Audio`. `name` is the input, for the messages.

    A dict, a mapping that decodes when it is read, as packs for video have it, or a list of one of these.
    Raises `AudioError` where nothing is connected or the recording cannot be used.
    """
    if value is None:
        raise AudioError(
            f"{name}: got no audio (nothing is connected, or the source has no sound track); connect a Load Audio node"
        )
    if isinstance(value, list | tuple):
        return audio_from(_only(value, name), name)
    waveform, rate = _read_field(value, "waveform", name), _read_field(value, "sample_rate", name)
    return Audio(_to_samples(waveform, name), int(rate))


def audio_to(waveform: torch.Tensor, sample_rate: int) -> dict[str, Any]:
    """AUDIO from float32 [1, N]."""
    return {"waveform": waveform.unsqueeze(0), "sample_rate": sample_rate}


def _read_field(value: Any, key: str, name: str) -> Any:
    try:
        return value[key]
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise AudioError(f"{name}: got {type(value).__name__} without {key}, {ADVICE}") from error
    except Exception as error:  # what decodes here is another pack's
        raise AudioError(f"{name}: the recording cannot be decoded ({error}); check the file it comes from") from error


def _only(recordings: Any, name: str) -> Any:
    if len(recordings) != 1:
        raise AudioError(f"{name}: got a batch of {len(recordings)} recordings, expected one")
    return recordings[0]


def _to_samples(waveform: Any, name: str) -> torch.Tensor:
    """float32 [C, N] on the CPU from [B, C, N] with B = 1, [C, N] or [N]: a tensor, an array or lists of them."""
    if isinstance(waveform, list | tuple) and any(hasattr(part, "shape") for part in waveform):
        waveform = _only(waveform, name)
    try:
        samples = _to_tensor(waveform).detach().cpu()
    except (TypeError, ValueError) as error:
        raise AudioError(f"{name}: got a waveform of type {type(waveform).__name__}, {ADVICE}") from error
    if samples.dim() > 2:
        samples = _only(samples, name)
    if samples.numel() == 0:
        raise AudioError(f"{name}: the recording has no samples; expected a few seconds of one voice")
    samples = _to_float(samples).reshape(-1, samples.shape[-1])
    if not bool(torch.isfinite(samples).all()):
        raise AudioError(f"{name}: the recording holds NaN or infinite samples; export it again as WAV or FLAC")
    return samples


def _to_tensor(waveform: Any) -> torch.Tensor:
    if isinstance(waveform, torch.Tensor):
        return waveform
    return torch.from_numpy(np.ascontiguousarray(np.asarray(waveform)))


def _to_float(samples: torch.Tensor) -> torch.Tensor:
    """float32 in -1 to 1; whole numbers are scaled by the greatest of their type."""
    if samples.is_floating_point():
        return samples.to(torch.float32)
    return samples.to(torch.float32) / torch.iinfo(samples.dtype).max

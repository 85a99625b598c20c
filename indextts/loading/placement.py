"""Where the model runs and in which precision: decided once, with the reason for every option that is not used."""

from dataclasses import dataclass

import torch

from ..errors import ConfigError
from ..options import LoadOptions


@dataclass(frozen=True)
class Precision:
    """The dtype of each part's weights. Style, codec and emotion rows are small and stay in float32.

    w2v-bert is only stored in half precision and computes in float32: which code a frame of the prompt gets turns on
    small differences of its output.
    """

    gpt: torch.dtype = torch.float32
    voice_encoder: torch.dtype = torch.float32
    semantic: torch.dtype = torch.float32
    s2mel: torch.dtype = torch.float32
    vocoder: torch.dtype = torch.float32

    @property
    def names(self) -> list[str]:
        """The dtypes that weights are stored in."""
        dtypes = {torch.float32, *vars(self).values()}
        return sorted(str(dtype).removeprefix("torch.") for dtype in dtypes)

    def __str__(self) -> str:
        return "float32" if self == FULL else "float16, float32 for conditioning and between flow steps"


FULL = Precision()
HALF = Precision(*5 * (torch.float16,))


@dataclass(frozen=True)
class Placement:
    """device: where the models run. home: where they are loaded. choices: options that are not used, and why."""

    device: torch.device
    home: torch.device
    precision: Precision = FULL
    choices: tuple[str, ...] = ()


def choose_placement(options: LoadOptions) -> Placement:
    """Raises `ConfigError` for a device that this machine, or this PyTorch, does not have."""
    device = _resolve_device(options.device)
    half = options.use_fp16 and device.type == "cuda"
    choices = []
    if options.use_fp16 and not half:
        choices.append(f"use_fp16: not used, float32 is the faster on {device.type}")
    return Placement(
        device, torch.device("cpu") if options.low_memory else device, HALF if half else FULL, tuple(choices)
    )


def _resolve_device(name: str | None) -> torch.device:
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name is None:
        return torch.device("cuda" if has_cuda else "mps" if has_mps else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device: got {name!r}, expected cuda, cuda:N, mps or cpu") from error
    if not {"cuda": has_cuda, "mps": has_mps}.get(device.type, True):
        raise ConfigError(
            f"device: got {name!r}, but PyTorch {torch.__version__} sees no such device here; use cpu, or install a "
            "PyTorch built for this machine's GPU"
        )
    return device

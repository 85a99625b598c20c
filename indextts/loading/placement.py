"""Where the model runs and in which precision: decided once, with the reason for every option that is not used."""

from dataclasses import dataclass, replace
from importlib.util import find_spec

import torch

from ...runtime.cpu_matmul import multiplies_int8
from ..errors import ConfigError
from ..options import QUANTIZE_CHOICES, LoadOptions


@dataclass(frozen=True)
class Precision:
    """The dtype of each part's weights. Style, codec and emotion rows are small and stay in float32.

    w2v-bert is only stored in half precision and computes in float32: which code a frame of the prompt gets turns on
    small differences of its output. gpt_layers: of the matrices of the GPT's layers, where it is another.
    """

    gpt: torch.dtype = torch.float32
    voice_encoder: torch.dtype = torch.float32
    semantic: torch.dtype = torch.float32
    s2mel: torch.dtype = torch.float32
    vocoder: torch.dtype = torch.float32
    gpt_layers: torch.dtype | None = None

    @property
    def names(self) -> list[str]:
        """The dtypes that weights are stored in."""
        dtypes = {torch.float32, *filter(None, vars(self).values())}
        return sorted(str(dtype).removeprefix("torch.") for dtype in dtypes)

    @property
    def is_half(self) -> bool:
        return self.gpt is torch.float16

    def __str__(self) -> str:
        most = "float16, float32 for conditioning and between flow steps" if self.is_half else "float32"
        return most if self.gpt_layers is None else f"{most}, int8 for the GPT's layers"


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
    """Raises `ConfigError` for a device that this machine, or this PyTorch, does not have, and for weights that gain
    nothing there."""
    device = _resolve_device(options.device)
    quantized = _check_quantize(options.quantize, device)
    half = options.use_fp16 and device.type == "cuda"
    choices = []
    if options.use_fp16 and not half:
        choices.append(f"use_fp16: not used, float32 is the faster on {device.type}")
    precision = replace(HALF if half else FULL, gpt_layers=torch.int8 if quantized else None)
    if quantized and device.type == "cuda" and find_spec("triton") is None:
        choices.append("quantize: every step takes longer than without, as its kernels need triton")
    return Placement(device, torch.device("cpu") if options.low_memory else device, precision, tuple(choices))


def why_no_int8(device: torch.device) -> str | None:
    """Why the GPT's layers are not to be in 8 bits, or None where they may be.

    Measured on a Zen 5 with one thread at the released width: PyTorch's products of 8 bits with float32 activations
    take 3 to 30 times as long as float32's, with bfloat16's or with 8 bits fewer than 99 % of the codes stay; those of
    quantization.py, with 16, are as exact as the first and take a third to a half of float32's time. A small model,
    the demonstration voice, is slower with them: it is bound by the number of operations.
    """
    if device.type == "cuda" or (device.type == "cpu" and multiplies_int8()):
        return None
    return f"it gains nothing on {'a CPU without VNNI' if device.type == 'cpu' else device.type}"


def _check_quantize(wanted: str, device: torch.device) -> bool:
    """Whether the GPT's layers are to be in 8 bits."""
    if wanted not in QUANTIZE_CHOICES:
        raise ConfigError(f"quantize: got {wanted!r}, expected one of {', '.join(QUANTIZE_CHOICES)}")
    reason = why_no_int8(device) if wanted == "int8" else None
    if reason is not None:
        raise ConfigError(f"quantize: got int8, but {reason}; use none, a CUDA device or a CPU with VNNI")
    return wanted == "int8"


def _parse_device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device: got {name!r}, expected cuda, cuda:N, mps or cpu") from error
    if device.type not in ("cuda", "mps", "cpu", "meta"):  # meta: the doctor reads shapes alone
        raise ConfigError(f"device: got {name!r}, expected cuda, cuda:N, mps or cpu")
    return device


def _resolve_device(name: str | None) -> torch.device:
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name is None:
        return torch.device("cuda" if has_cuda else "mps" if has_mps else "cpu")
    device = _parse_device(name)
    there = {"cuda": has_cuda and (device.index or 0) < torch.cuda.device_count(), "mps": has_mps}
    if not there.get(device.type, True):
        raise ConfigError(
            f"device: got {name!r}, but PyTorch {torch.__version__} sees no such device here; use cpu, or install a "
            "PyTorch built for this machine's GPU"
        )
    return device

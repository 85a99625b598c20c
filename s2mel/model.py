"""Codes and latents into mel: what `s2mel.pth` holds.

Dimensions: L lines, T codes, F frames to speak, Fp prompt frames, C condition width, M frames of all lines together.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .config import S2MelConfig
from .estimator import Estimator
from .flow import solve
from .length_regulator import LengthRegulator
from .packing import Packing, pack
from .schedule import uniform_times

HIDDEN = (256, 128)
"""Inner widths of `gpt_layer`; the released file's, at every size."""


class FlowLine(NamedTuple):
    """One line's conditions. prompt_condition [Fp, C], condition [F, C], prompt_mel [80, Fp], style [192]."""

    prompt_condition: Tensor
    condition: Tensor
    prompt_mel: Tensor
    style: Tensor
    seed: int

    @property
    def prompt_frames(self) -> int:
        return self.prompt_condition.shape[0]

    @property
    def frames(self) -> int:
        return self.condition.shape[0]


class CFM(nn.Module):
    def __init__(self, config: S2MelConfig) -> None:
        super().__init__()
        self.estimator = Estimator(config)


class S2Mel(nn.Module):
    """The released S2Mel. `latent_width` is the width of the GPT latents it reads."""

    def __init__(self, config: S2MelConfig, latent_width: int) -> None:
        super().__init__()
        content = config.length_regulator.in_channels
        widths = (latent_width, *HIDDEN, content)
        self.cfm = CFM(config)
        self.length_regulator = LengthRegulator(config.length_regulator)
        self.gpt_layer = nn.Sequential(*(nn.Linear(i, o) for i, o in itertools.pairwise(widths)))

    @property
    def dtype(self) -> torch.dtype:
        """The weights' dtype."""
        return self.cfm.estimator.dtype

    def content(self, codes_embedding: Tensor, latents: Tensor) -> Tensor:
        """Codec embeddings [T, 1024] and GPT latents [T, D] of the same codes to content [T, 1024]."""
        return codes_embedding + self.gpt_layer(latents)

    def regulate(self, content: Tensor, frames: int) -> Tensor:
        """content [1, T, W] to conditions [1, frames, C]."""
        return self.length_regulator(content, frames)

    def generate(
        self,
        lines: Sequence[FlowLine],
        steps: int = 25,
        guidance: float = 0.7,
        on_step: Callable[[int], None] | None = None,
    ) -> list[Tensor]:
        """One mel float32 [80, F] per line, all lines solved together; company changes no line's result.

        Noise comes from each line's seed by a CPU generator, so that it is the same on every device. on_step is called
        between flow steps with the number done, and may raise to cancel.
        """
        lines = [FlowLine(*line) for line in lines]
        return self.flow(lines, [draw_noise(line) for line in lines], steps, guidance, on_step)

    def flow(
        self,
        lines: Sequence[FlowLine],
        noises: Sequence[Tensor],
        steps: int,
        guidance: float,
        on_step: Callable[[int], None] | None = None,
    ) -> list[Tensor]:
        """`generate` from given noises, float32 [80, F] each."""
        estimator = self.cfm.estimator
        packing = pack([line.prompt_frames + line.frames for line in lines], 2 if guidance else 1, _device(estimator))
        times = uniform_times(steps)
        schedule = estimator.schedule(times)
        constants = estimator.constants(*_conditions(lines, estimator.dtype, packing.device), packing)
        noise, free = _start(lines, noises, packing)

        def velocity(x: Tensor, step: int) -> Tensor:
            return estimator(x, constants, schedule[step], packing)

        return _cut(solve(velocity, noise, times, guidance, free, on_step), lines, packing)


def draw_noise(line: FlowLine) -> Tensor:
    """Standard normal float32 [80, F] on the CPU, from the line's seed alone."""
    generator = torch.Generator("cpu").manual_seed(line.seed)
    return torch.randn(line.prompt_mel.shape[0], line.frames, generator=generator, device="cpu")


def _device(module: Estimator) -> torch.device:
    return module.cond_projection.weight.device


def _conditions(lines: Sequence[FlowLine], dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """condition [M, C], prompt [M, 80] and style [L, 192] of all lines, in `dtype`."""
    condition = torch.cat([part for line in lines for part in (line.prompt_condition, line.condition)])
    prompt = torch.cat([nn.functional.pad(line.prompt_mel.T, (0, 0, 0, line.frames)) for line in lines])
    style = torch.stack([line.style for line in lines])
    return condition.to(device, dtype), prompt.to(device, dtype), style.to(device, dtype)


def _start(lines: Sequence[FlowLine], noises: Sequence[Tensor], packing: Packing) -> tuple[Tensor, Tensor]:
    """Noise float32 [M, 80], zero over the prompts, and what may move, [M, 1]."""
    noise, free = [], []
    for line, own in zip(lines, noises, strict=True):
        behind_prompt = (0, 0, line.prompt_frames, 0)
        noise.append(nn.functional.pad(own.float().T, behind_prompt))
        free.append(nn.functional.pad(torch.ones(line.frames, 1), behind_prompt))
    return torch.cat(noise).to(packing.device), torch.cat(free).to(packing.device)


def _cut(mel: Tensor, lines: Sequence[FlowLine], packing: Packing) -> list[Tensor]:
    """mel [M, 80] as one [80, F] per line, prompts cut off."""
    return [
        mel[start + line.prompt_frames : end].T.contiguous()
        for line, (start, end) in zip(lines, packing.bounds, strict=True)
    ]

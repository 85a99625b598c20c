"""Codes and latents into mel: what `s2mel.pth` holds.

Dimensions: L lines, T codes, F frames to speak, Fp prompt frames, C condition width, M frames of all lines together.
"""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..runtime.cuda_graphs import weights_address_key
from ..runtime.shape_tuner import TunedStep, captured_step
from .choice import CompileRequest, FlowChoice, choose_flow, choose_ops
from .config import S2MelConfig
from .estimator import Estimator
from .length_regulator import LengthRegulator
from .packing import Packing
from .solver import REFERENCE_SCHEDULE, FlowSchedule, solve_ode
from .torch_ops import TORCH_OPS

SMALL_FLOW = 256
"""Frames that run every kernel."""
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
    """Conditional flow matching; only what the released names need."""

    def __init__(self, config: S2MelConfig) -> None:
        super().__init__()
        self.estimator = Estimator(config)


class S2Mel(nn.Module):
    """The released S2Mel. `latent_width` is the width of the GPT latents it reads; None where it reads none."""

    def __init__(self, config: S2MelConfig, latent_width: int | None) -> None:
        super().__init__()
        self.cfm = CFM(config)
        self.length_regulator = LengthRegulator(config.length_regulator)
        self._request: CompileRequest | None = None
        self._choice: FlowChoice | None = None
        if latent_width is not None:
            widths = (latent_width, *HIDDEN, config.length_regulator.in_channels)
            self.gpt_layer = nn.Sequential(*(nn.Linear(i, o) for i, o in itertools.pairwise(widths)))

    def add_latents(self, codes_embedding: Tensor, latents: Tensor | None) -> Tensor:
        """Codec features [T, 1024] and GPT latents [T, D] of the same codes to content [T, 1024]; without latents the
        features are the content."""
        return codes_embedding if latents is None else codes_embedding + self.gpt_layer(latents.to(self.dtype))

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights, hence of everything but the flow's own state, which is float32."""
        return self.cfm.estimator.dtype

    def compile_flow(self, wanted: bool = True, cache_folder: Path | None = None) -> None:
        """From the next run on, the estimator under torch.compile or not. `cache_folder` keeps the compiled code."""
        request = CompileRequest(cache_folder) if wanted else None
        if request != self._request:
            self._request, self._choice = request, None

    @property
    def flow_choice(self) -> FlowChoice:
        """What runs the flow where the weights are now, and why. Made, and compiled, at first need."""
        estimator = self.cfm.estimator
        if self._choice is None or self._choice.weights_key != weights_address_key(estimator):
            self._choice = choose_flow(estimator, self._request)
        return self._choice

    @property
    def compile_state(self) -> str:
        """ "off", "asked for" (not tried yet), "compiled", or "not used: " or "failed: " and why."""
        if self._choice is None:
            return "off" if self._request is None else "asked for"
        return self._choice.compile_state

    def tuned_step(self, frames: int) -> TunedStep | None:
        """A flow step of one line of so many frames, half of them prompt; None where no kernels run it."""
        estimator = self.cfm.estimator
        if choose_ops(estimator.device, estimator.dtype, estimator.head_width)[0] is TORCH_OPS:
            return None  # before anything is chosen, which may compile for minutes
        return captured_step("flow step", estimator.device, self.flow_choice.runner.new_step, SMALL_FLOW, frames)

    def release_graphs(self) -> None:
        """Drop captured graphs and their memory; they come back at the next run."""
        if self._choice is not None:
            self._choice.runner.release_graphs()
            self._choice.plain.release_graphs()

    def prepare_schedule(self, schedule: FlowSchedule, graphs: bool = True) -> None:
        """Work out what depends on time alone, and is kept, before a flow takes memory that is given back whole."""
        choice = self.flow_choice
        (choice.runner if graphs else choice.plain).step_tables(schedule)

    def generate_mels(
        self,
        lines: Sequence[FlowLine],
        schedule: FlowSchedule = REFERENCE_SCHEDULE,
        on_step: Callable[[int], None] | None = None,
        graphs: bool = True,
    ) -> list[Tensor]:
        """One mel float32 [80, F] per line, all lines solved together; company changes a line by rounding alone.

        Noise comes from each line's seed by a CPU generator, so that it is the same on every device. on_step is called
        between flow steps with the number done, and may raise to cancel. graphs: replay CUDA graphs where the device
        has them; they hold memory between runs.
        """
        lines = [FlowLine(*line) for line in lines]
        return self.solve_flow(lines, [draw_noise(line) for line in lines], schedule, on_step, graphs)

    def solve_flow(
        self,
        lines: Sequence[FlowLine],
        noises: Sequence[Tensor],
        schedule: FlowSchedule,
        on_step: Callable[[int], None] | None = None,
        graphs: bool = True,
    ) -> list[Tensor]:
        """`generate_mels` from given noises, float32 [80, F] each."""
        estimator, choice = self.cfm.estimator, self.flow_choice
        runner = choice.runner if graphs else choice.plain
        prompts = [line.prompt_frames for line in lines]
        lengths = [line.prompt_frames + line.frames for line in lines]
        packing = runner.pack_lines(lengths, prompts, branches=schedule.branches)
        constants = estimator.project_conditions(*_stack_conditions(lines, estimator.dtype, packing.device), packing)
        velocity = runner.velocity_field(constants, runner.step_tables(schedule), packing)
        noise, generated = _initial_state(lines, noises, packing)
        mel = solve_ode(velocity, noise, generated, schedule, on_step)
        return _split_mels(mel, lines, packing)


def draw_noise(line: FlowLine) -> Tensor:
    """Standard normal float32 [80, F] on the CPU, from the line's seed alone."""
    generator = torch.Generator("cpu").manual_seed(line.seed)
    return torch.randn(line.prompt_mel.shape[0], line.frames, generator=generator, device="cpu")


def _stack_conditions(
    lines: Sequence[FlowLine], dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """condition [M, C], prompt [M, 80] and style [L, 192] of all lines, in `dtype`."""
    condition = torch.cat([part for line in lines for part in (line.prompt_condition, line.condition)])
    prompt = torch.cat([nn.functional.pad(line.prompt_mel.T, (0, 0, 0, line.frames)) for line in lines])
    style = torch.stack([line.style for line in lines])
    return condition.to(device, dtype), prompt.to(device, dtype), style.to(device, dtype)


def _initial_state(lines: Sequence[FlowLine], noises: Sequence[Tensor], packing: Packing) -> tuple[Tensor, Tensor]:
    """Noise float32 [M, 80], zero over the prompts, and the mask of what is generated, [M, 1]."""
    noise, generated = [], []
    for line, own in zip(lines, noises, strict=True):
        behind_prompt = (0, 0, line.prompt_frames, 0)
        noise.append(nn.functional.pad(own.float().T, behind_prompt))
        generated.append(nn.functional.pad(torch.ones(line.frames, 1), behind_prompt))
    return torch.cat(noise).to(packing.device), torch.cat(generated).to(packing.device)


def _split_mels(mel: Tensor, lines: Sequence[FlowLine], packing: Packing) -> list[Tensor]:
    """mel [M, 80] as one [80, F] per line, prompts cut off."""
    return [
        mel[start + line.prompt_frames : end].T.contiguous()
        for line, (start, end) in zip(lines, packing.line_bounds, strict=True)
    ]

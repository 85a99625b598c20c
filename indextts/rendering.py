"""Codes into sound: latents, s2mel, vocoder.

Dimensions: T codes, D the GPT's width, F mel frames, N samples.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from ..runtime.cpu_matmul import use_fastest_matmul
from ..runtime.shape_tuner import TunedStep
from ..s2mel.model import FlowLine
from ..s2mel.solver import FlowSchedule
from .events import Event, OnEvent
from .gpt.latent_pass import latent_pass
from .loading.models import Models
from .memory_budget import MemoryBudget
from .records import Codes
from .report import Report
from .segments import DecodedSegment, LatentSegment, count_mel_frames
from .vocoder.vocoder import LEAST_FRAMES, MOST_FRAMES, Vocoder
from .work_meter import WorkMeter, meter_calls

HiddenStates = Callable[[Tensor], Tensor]
"""What runs the GPT on embeddings [B, L, D]."""


@contextmanager
def matmul_stage(report: Report, name: str, device: torch.device) -> Iterator[None]:
    """A stage of `report` that multiplies matrices."""
    with report.time_stage(name), use_fastest_matmul(device):
        yield


class Renderer:
    """The models behind the decoder, and the graphs that are kept of the last one. budget: what each stage asks how
    many segments it may take at once."""

    def __init__(self, modules: Models, use_cuda_kernel: bool, budget: MemoryBudget) -> None:
        self._modules, self._budget = modules, budget
        self._vocoder = Vocoder(modules.vocoder, use_cuda_kernel)

    @property
    def vocoder_step(self) -> TunedStep | None:
        """A run of the vocoder for rehearsals; None where no kernels run it."""
        return self._vocoder.tuned_step()

    @property
    def backend_descriptions(self) -> tuple[str, str]:
        """How flow and vocoder run, for the report."""
        return self._modules.s2mel.flow_choice.description, self._vocoder.description

    def render_segments(
        self,
        batch: Sequence[DecodedSegment],
        hidden_states: HiddenStates | None,
        schedule: FlowSchedule,
        report: Report,
        on_event: OnEvent,
    ) -> Iterator[tuple[LatentSegment, Tensor]]:
        """Each segment, of one code at least, and its waveform float32 [1, N] on the CPU.

        hidden_states: see `latent_pass`.
        """
        if not batch:
            return iter(())
        device, line = self._modules.device, batch[0].segment.line.index

        def make_meter(stage: str, units: float = 1) -> WorkMeter:
            return WorkMeter(lambda share: on_event(Event(stage, share * len(batch), len(batch), line)), units)

        if self._modules.version.has_latents:
            meter = make_meter("latents")
            with meter_calls(meter, device, self._modules.gpt):
                spoken = self._compute_latents(batch, hidden_states, report)
            meter.finish_units(1)
        else:
            spoken = [LatentSegment(d.segment, Codes(d.answer.tokens, None, d.answer.finished)) for d in batch]
        meter = make_meter("s2mel", schedule.steps)
        with meter_calls(meter, device, self._modules.s2mel.cfm.estimator, once=False):
            mels = self._run_flow(spoken, schedule, report, meter.finish_units)
        meter = make_meter("vocoder")
        with meter_calls(meter, device, self._modules.vocoder):
            waves = self._run_vocoder(mels, report, meter.finish_units)
        return zip(spoken, waves, strict=True)

    def flow_line(self, item: LatentSegment) -> FlowLine:
        """The inputs of the flow's ODE solver for a segment: condition, prompt, style, seed."""
        s2mel, voice, codes = self._modules.s2mel, item.segment.voice, item.codes
        features = self._modules.codec.embed_codes(codes.tokens.to(self._modules.device)[None])[0]
        content = s2mel.add_latents(features.to(s2mel.dtype), codes.latents)
        condition = s2mel.length_regulator(content[None], self._count_frames(item))[0]
        return FlowLine(voice.prompt_condition, condition, voice.prompt_mel, voice.style, item.segment.seed)

    def release(self) -> None:
        """Drop whatever holds addresses of the vocoder's weights."""
        self._vocoder.release()

    def release_graphs(self) -> None:
        """Drop the flow's and the vocoder's graphs and their memory."""
        self._modules.s2mel.release_graphs()
        self._vocoder.release_graphs()

    def _compute_latents(
        self, batch: Sequence[DecodedSegment], hidden_states: HiddenStates | None, report: Report
    ) -> list[LatentSegment]:
        """GPT, a second time: what its hidden states say about the codes it wrote."""
        budget = self._budget

        def cost(part: Sequence[DecodedSegment]) -> int:
            return budget.costs.latent_pass([len(d.prompt) + len(d.answer.tokens) for d in part])

        def work(part: Sequence[DecodedSegment]) -> list[Tensor]:
            prompts, codes = [d.prompt for d in part], [d.answer.tokens for d in part]
            return latent_pass(self._modules.gpt, prompts, codes, hidden_states if budget.graphs else None)

        with matmul_stage(report, "latents", self._modules.device):
            latents = budget.run_in_batches("latents", batch, cost, work)
        return [
            LatentSegment(d.segment, Codes(d.answer.tokens, hidden, d.answer.finished))
            for d, hidden in zip(batch, latents, strict=True)
        ]

    def _run_flow(
        self, batch: Sequence[LatentSegment], schedule: FlowSchedule, report: Report, on_step: Callable[[float], None]
    ) -> list[Tensor]:
        """S2Mel: codes and latents into mels [80, F], all segments of the batch in one flow where they fit. on_step:
        told the flow steps done, those of some segments as their share of a step of all."""
        budget, done = self._budget, 0

        def cost(part: Sequence[LatentSegment]) -> int:
            return budget.costs.flow([self._flow_frames(item) for item in part], schedule.branches)

        def work(part: Sequence[LatentSegment]) -> list[Tensor]:
            nonlocal done

            def tell_steps(steps: int) -> None:
                on_step((done * schedule.steps + len(part) * steps) / len(batch))

            lines = [self.flow_line(item) for item in part]
            mels = self._modules.s2mel.generate_mels(lines, schedule, tell_steps, budget.graphs)
            done += len(part)
            return mels

        with matmul_stage(report, "s2mel", self._modules.device):
            self._modules.s2mel.prepare_schedule(schedule, budget.graphs)
            return budget.run_in_batches("flow", batch, cost, work)

    def _run_vocoder(
        self, mels: Sequence[Tensor], report: Report, on_chunks: Callable[[int, int], None]
    ) -> list[Tensor]:
        """Vocoder: mels into waveforms [1, N] on the CPU, in as many chunks at once as fit."""
        budget = self._budget

        def work(frames: int) -> list[Tensor]:
            budget.gather(frames * budget.costs.vocoder_frame)
            waves = self._vocoder.generate_waveforms(mels, on_chunks, frames, budget.graphs)
            return [wave.cpu() for wave in waves]

        with matmul_stage(report, "vocoder", self._modules.device):
            frames = budget.fit_units("vocoder", MOST_FRAMES, budget.costs.vocoder_frame, LEAST_FRAMES)
            return budget.attempt("vocoder", frames, work, LEAST_FRAMES)

    def _count_frames(self, item: LatentSegment) -> int:
        """Mel frames that a segment is spoken in."""
        fixed, speed = item.segment.frames, item.segment.line.speed
        return count_mel_frames(item.codes, self._modules.version.frames_per_code, speed) if fixed is None else fixed

    def _flow_frames(self, item: LatentSegment) -> int:
        """The same, and those of its prompt."""
        return len(item.segment.voice.prompt_condition) + self._count_frames(item)

"""Codes into sound: latents, s2mel, vocoder.

Dimensions: T codes, D the GPT's width, F mel frames, N samples.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from ..runtime.cpu_matmul import use_fastest_matmul
from ..s2mel.model import FlowLine
from .events import Event, OnEvent
from .gpt.latent_pass import latent_pass
from .loading.models import Models
from .options import SpeakOptions
from .records import Codes
from .report import Report
from .segments import DecodedSegment, LatentSegment, count_mel_frames
from .vocoder.vocoder import Vocoder
from .work_meter import WorkMeter, meter_calls

HiddenStates = Callable[[Tensor], Tensor]
"""What runs the GPT on embeddings [B, L, D]."""


@contextmanager
def matmul_stage(report: Report, name: str, device: torch.device) -> Iterator[None]:
    """A stage of `report` that multiplies matrices."""
    with report.time_stage(name), use_fastest_matmul(device):
        yield


class Renderer:
    """The models behind the decoder, and the graphs that are kept of the last one."""

    def __init__(self, modules: Models, use_cuda_kernel: bool) -> None:
        self._modules = modules
        self._vocoder = Vocoder(modules.vocoder, use_cuda_kernel)

    @property
    def backend_descriptions(self) -> tuple[str, str]:
        """How flow and vocoder run, for the report."""
        return self._modules.s2mel.flow_choice.description, self._vocoder.description

    def render_segments(
        self,
        batch: Sequence[DecodedSegment],
        hidden_states: HiddenStates | None,
        options: SpeakOptions,
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

        meter = make_meter("latents")
        with meter_calls(meter, device, self._modules.gpt):
            spoken = self._compute_latents(batch, hidden_states, report)
        meter.finish_units(1)
        meter = make_meter("s2mel", options.steps)
        with meter_calls(meter, device, self._modules.s2mel.cfm.estimator, once=False):
            mels = self._run_flow(spoken, options, report, meter.finish_units)
        meter = make_meter("vocoder")
        with meter_calls(meter, device, self._modules.vocoder):
            waves = self._run_vocoder(mels, report, meter.finish_units)
        return zip(spoken, waves, strict=True)

    def flow_line(self, item: LatentSegment) -> FlowLine:
        """The inputs of the flow's ODE solver for a segment: condition, prompt, style, seed."""
        s2mel, voice, codes = self._modules.s2mel, item.segment.voice, item.codes
        embedded = self._modules.codec.embed_codes(codes.tokens.to(self._modules.device)[None])[0]
        content = s2mel.add_latents(embedded.to(s2mel.dtype), codes.latents.to(s2mel.dtype))
        condition = s2mel.length_regulator(content[None], count_mel_frames(codes, item.segment.line.speed))[0]
        return FlowLine(voice.prompt_condition, condition, voice.prompt_mel, voice.style, item.segment.seed)

    def release(self) -> None:
        """Drop whatever holds addresses of the vocoder's weights."""
        self._vocoder.release_graphs()

    def _compute_latents(
        self, batch: Sequence[DecodedSegment], hidden_states: HiddenStates | None, report: Report
    ) -> list[LatentSegment]:
        """GPT, a second time: what its hidden states say about the codes it wrote."""
        with matmul_stage(report, "latents", self._modules.device):
            prompts, codes = [d.prompt for d in batch], [d.answer.tokens for d in batch]
            latents = latent_pass(self._modules.gpt, prompts, codes, hidden_states)
        return [
            LatentSegment(d.segment, Codes(d.answer.tokens, hidden, d.answer.finished))
            for d, hidden in zip(batch, latents, strict=True)
        ]

    def _run_flow(
        self, batch: Sequence[LatentSegment], options: SpeakOptions, report: Report, on_step: Callable[[int], None]
    ) -> list[Tensor]:
        """S2Mel: codes and latents into mels [80, F], all segments of the batch in one flow."""
        with matmul_stage(report, "s2mel", self._modules.device):
            return self._modules.s2mel.generate_mels(
                [self.flow_line(item) for item in batch],
                options.steps,
                options.guidance,
                on_step,
            )

    def _run_vocoder(
        self, mels: Sequence[Tensor], report: Report, on_chunks: Callable[[int, int], None]
    ) -> list[Tensor]:
        with matmul_stage(report, "vocoder", self._modules.device):
            return [wave.cpu() for wave in self._vocoder.generate_waveforms(mels, on_chunks)]

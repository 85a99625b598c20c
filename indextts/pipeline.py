"""Lines in, takes out: text, conditioning, gpt, s2mel, vocoder, each a visible call."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from ..accel.engine import Engine
from ..accel.request import Finished, OnPoll, Request
from ..runtime.cache_folder import cache_folder
from ..runtime.current_device import iterate_on_device
from ..runtime.device_memory import DeviceMemory
from ..s2mel.solver import FlowSchedule
from .conditioning.encoder import ConditioningEncoder
from .conditioning.recording_notes import describe_recording
from .config import load_model_config
from .decode_run import DecodeRun
from .decoding import Decoding, check_attention, choose_decoder
from .dubbing import fit_segments
from .error_context import translate_out_of_memory, with_line_context
from .errors import AudioError
from .events import Event, OnEvent, count_segments, ignore_event
from .flow_calibration import FlowScheduler
from .gpt.prompt import build_prompt, initial_penalty_tokens
from .host_memory import return_free_memory
from .kernel_rehearsal import KernelRehearsal
from .loading.find import CheckpointFiles, find_checkpoint
from .loading.models import Models, load_models
from .loading.placement import choose_placement
from .memory_budget import MemoryBudget
from .memory_costs import StageCosts, estimate_run_bytes
from .offload import Alternate, KeepAll, OffloadPolicy, count_bytes_on, count_resident_bytes
from .options import LoadOptions, SpeakOptions
from .records import Line, Take, Voice, VoiceFeatures
from .rendering import Renderer, matmul_stage
from .report import Report
from .segments import DecodedSegment, Segment
from .take_assembler import TakeAssembler
from .text.frontend import PreparedText, TextFrontend
from .text.glossary import Reading
from .text.glossary_file import read_glossaries, user_glossary_file
from .tuning import TuningReport, tune_models
from .work_meter import WorkMeter, meter_calls

Heard = TypeVar("Heard", VoiceFeatures, Tensor)


class Pipeline:
    """The models in memory and what is cached about them. Pipelines share nothing; several live side by side."""

    def __init__(
        self, modules: Models, files: CheckpointFiles, options: LoadOptions, offload: OffloadPolicy | None = None
    ) -> None:
        """offload: who decides what is on the device; without one the options do."""
        self.modules = modules
        self.options = options
        self.offload = offload or self._default_offload()
        costs = StageCosts.from_configs(
            modules.config, modules.vocoder.config, modules.gpt.mel_head.weight.dtype.itemsize, modules.version
        )
        device = choose_placement(options).device  # the models may wait elsewhere, and be asked what they need there
        self._budget = MemoryBudget(DeviceMemory(lambda: device), costs, self._release_graphs)
        self._text = TextFrontend(files.vocabulary)
        self._glossaries = (files.glossary, files.user_glossary or user_glossary_file())
        self._conditioning = ConditioningEncoder(
            modules.conditioning_models(),
            self._load_encoders,
            use_graphs=lambda: self._budget.graphs and not options.low_memory,
        )
        self._renderer = Renderer(modules, options.use_cuda_kernel, self._budget)
        self._flow = FlowScheduler(modules, files)
        self._decoding: Decoding | None = None
        self._rehearsal = KernelRehearsal(modules, self._renderer, lambda: self._choose_decoding().decoder)
        self._decode_run: DecodeRun | None = None
        self._report: Report | None = None
        modules.s2mel.compile_flow(options.use_torch_compile, cache_folder() / "compiled")

    @classmethod
    def load(
        cls, source: CheckpointFiles | Path, options: LoadOptions | None = None, on_event: OnEvent = ignore_event
    ) -> "Pipeline":
        """Load a released folder, or files found elsewhere. Raises `CheckpointError` or `ConfigError`."""
        files = source if isinstance(source, CheckpointFiles) else find_checkpoint([source])
        options = options or LoadOptions()
        if options.attention != "auto":
            placement, config = choose_placement(options), load_model_config(files.config)
            check_attention(options, placement.device, placement.precision.gpt, config.gpt.head_dim)
        return cls(load_models(files, options, on_event), files, options)

    @property
    def device(self) -> torch.device:
        """Where the models run now; ComfyUI may move them."""
        return self.modules.device

    def report(self) -> Report:
        """What the last run came to, or what would run where there was none."""
        return self._report or self._new_report()

    def keep_report(self, report: Report) -> None:
        """Let `report` be what the last run came to, where several runs were one piece of work."""
        self._report = report

    def memory_required(self, lines: Sequence[Line], options: SpeakOptions) -> int:
        """Bytes of device memory that speaking `lines` takes beside the weights in the room there is; an estimate,
        rather too much. Where room is short it is that of a batch of lines at a time."""
        weights = count_resident_bytes(self.modules, self.options.low_memory)
        present = count_bytes_on(self._budget.memory.device, self.modules)
        needed = estimate_run_bytes(self._budget.costs, lines, options)
        return self._budget.run_bytes(needed, weights, max(0, weights - present))

    def glossary(self, options: SpeakOptions) -> dict[str, Reading]:
        """The own readings of a run: the model's, the user's and the run's, as the files say now."""
        return read_glossaries(self._glossaries, options.glossary)

    def text_emotion(self, line: Line) -> tuple[float, ...] | None:
        """The eight weights that were read for a line whose emotion comes from text; None for every other line."""
        if line.emotion is None or line.emotion.mode != "text":
            return None
        return self._conditioning.read_text_emotion(line.emotion, line.text)

    def tune(self, on_progress: Callable[[float, str], None] = lambda share, what: None) -> TuningReport:
        """Find the kernel shapes that are fastest here, for this and all later starts; see `tune_models`."""
        self.offload.load_generators()
        self.release()
        with translate_out_of_memory(self.device):
            report = tune_models(self.modules, self.options, on_progress)
        self.release()
        return report

    def release(self) -> None:
        """Drop the engine and its cache, all graphs, the text reader and every cached voice; the weights stay."""
        self.release_generators()
        self.modules.s2mel.release_graphs()
        self._conditioning.release()
        self.modules.text_emotion.unload()

    def _release_graphs(self) -> None:
        """Drop the graphs of all stages but the decoder's, and the text reader, which comes back where it is needed."""
        self.modules.text_emotion.unload()
        self._conditioning.release_graphs()
        self._renderer.release_graphs()
        if self._decoding is not None and self._decoding.hidden_states is not None:
            self._decoding.hidden_states.release()

    def release_generators(self) -> None:
        """Drop whatever holds addresses of the generators' weights."""
        self._rehearsal.finish()
        if self._decoding is not None:
            self._decoding.close()
            self._decoding = None
        self._renderer.release()

    @torch.inference_mode()
    def speak(
        self, lines: Sequence[Line], options: SpeakOptions | None = None, on_event: OnEvent = ignore_event
    ) -> Iterator[Take]:
        """One take per line, in the lines' order, each as soon as it and all before it are done.

        All segments of all lines are decoded as one batch. Every line needs a `voice`.
        Raises `IndexTTSError`, naming the line, before anything is decoded where a line cannot be spoken.
        """
        options = options or SpeakOptions()
        gpt = self.modules.gpt
        check_attention(self.options, self.device, gpt.mel_head.weight.dtype, gpt.config.head_dim)
        report = self._report = self._new_report()
        self._budget.begin_run([self._free_decoder, self._read_texts_on_cpu, self._take_turns])
        with translate_out_of_memory(self.device):
            yield from iterate_on_device(self.device, self._speak_lines(lines, options, report, on_event))

    def _speak_lines(
        self, lines: Sequence[Line], options: SpeakOptions, report: Report, on_event: OnEvent
    ) -> Generator[Take, None, None]:
        start = time.perf_counter()
        texts = self._prepare_texts(lines, options, report, on_event)
        self._rehearsal.begin(report.segments, options.num_beams)
        segments = self._condition_segments(lines, texts, report, on_event)
        assembler = TakeAssembler(lines, texts, options.segment_silence_seconds)
        yield from report.count_takes(assembler.pop_ready())  # lines without letters
        if not segments:
            return
        schedule = self._prepare_generators(segments, options, report, on_event)
        rendered = 0
        # Closed at once where the run ends early, not when its traceback is let go: the engine is free for the next.
        with closing(self._decode_segments(segments, options, report, on_event)) as decoded:
            fitted = fit_segments(decoded, segments, options, self.modules.version.frames_per_code)
            while batch := list(islice(fitted, options.flow_batch)):
                self._render_batch(
                    batch, assembler, schedule, report, count_segments(on_event, rendered, len(segments))
                )
                rendered += len(batch)
                report.note_memory()
                report.cuts = self._budget.cuts
                report.wall_seconds = time.perf_counter() - start
                if self.device.type == "cpu":
                    return_free_memory()
                yield from report.count_takes(assembler.pop_ready())

    def _prepare_texts(
        self, lines: Sequence[Line], options: SpeakOptions, report: Report, on_event: OnEvent
    ) -> list[PreparedText]:
        """Text: what each line says, as token segments."""
        texts = []
        with report.time_stage("text"):
            self._text.use_glossary(self.glossary(options))
            languages = self._text.choose_languages([line.text for line in lines], options.language)
            for place, (line, language) in enumerate(zip(lines, languages, strict=True)):
                tell_place = partial(on_event, Event("text", place, len(lines), line.index))
                tell_place()
                with with_line_context(line):
                    if line.language is not None:
                        (language,) = self._text.choose_languages([line.text], line.language)
                    limit = options.max_segment_tokens
                    texts.append(self._text.prepare_text(line.text, language, limit, tell_place))
            on_event(Event("text", len(lines), len(lines)))
        if self._text.note:
            report.notes.append(self._text.note)
        report.lines, report.segments = len(lines), sum(len(text.segments) for text in texts)
        return texts

    def _condition_segments(
        self, lines: Sequence[Line], texts: Sequence[PreparedText], report: Report, on_event: OnEvent
    ) -> list[Segment]:
        """Conditioning: who says it and how. Voices and emotions encoded before come from the cache."""
        segments = []
        encoded: dict[Voice, VoiceFeatures] = {}  # of this run: even to look a voice up takes reading its samples
        with matmul_stage(report, "conditioning", self.device):
            for place, (line, text) in enumerate(zip(lines, texts, strict=True)):
                on_event(Event("conditioning", place, len(lines), line.index))
                meter = _meter_line(line, place, len(lines), on_event)
                with with_line_context(line), meter_calls(meter, self.device, *self._conditioning.models.modules):
                    if line.voice is None:
                        raise AudioError(f"{line.speaker} has no voice; give reference audio for {line.speaker}")
                    if line.voice not in encoded:
                        encoded[line.voice] = self._hear_voice(line.voice)
                        notes = describe_recording(line.voice.audio)
                        report.recordings += [f"the voice of {line.voice.name} {note}" for note in notes]
                    voice = encoded[line.voice]
                    emotion = self._read_emotion(line, voice)
                segments += [
                    Segment(place, part, line, ids, voice, emotion, text.language_row)
                    for part, ids in enumerate(text.segments)
                ]
            on_event(Event("conditioning", len(lines), len(lines)))
        report.voices = len({id(segment.voice) for segment in segments})
        return segments

    def _load_encoders(self) -> None:
        self.offload.load_encoders()
        needed = self._budget.costs.reference
        self._budget.expect(needed)
        self._budget.gather(needed)

    def _hear_voice(self, voice: Voice) -> VoiceFeatures:
        return self._hear(lambda: self._conditioning.encode_voice(voice.audio, voice.boost))

    def _read_emotion(self, line: Line, voice: VoiceFeatures) -> Tensor:
        return self._hear(lambda: self._conditioning.encode_emotion(line.emotion, voice, line.text))

    def _hear(self, encode: Callable[[], Heard]) -> Heard:
        """In the memory there is."""
        return self._budget.attempt("conditioning", 1, lambda _: encode())

    def _decode_segments(
        self, segments: Sequence[Segment], options: SpeakOptions, report: Report, on_event: OnEvent
    ) -> Generator[DecodedSegment, None, None]:
        """GPT: the codes of every segment, decoded as one batch, in the order the decoder finishes them."""
        prompts = [
            build_prompt(self.modules.gpt, s.voice.speaker, s.emotion, s.text_ids, s.language_row) for s in segments
        ]
        limit = min(options.max_codes, self.modules.gpt.decoder_weights().max_tokens)
        history = initial_penalty_tokens(self.modules.config.gpt)
        requests = [
            Request(prompt, segment.seed, options.sampling, limit, history)
            for segment, prompt in zip(segments, prompts, strict=True)
        ]
        expected = sum(self.modules.version.codes_per_text_token * len(segment.text_ids) for segment in segments)
        rendering = self._rendering_bytes(segments, limit, options.flow_batch)
        drawn = 0

        def tell_codes(count: int) -> None:
            nonlocal drawn
            drawn = count
            on_event(Event("gpt", drawn, max(expected, drawn)))

        def start(left: Sequence[Request], on_poll: OnPoll) -> Generator[Finished, None, None]:
            return self._start_decoder(left, on_poll, rendering, report)

        tell_codes(0)
        run = self._decode_run = DecodeRun(requests, start, self.release_generators, self._budget, tell_codes)
        try:
            while (answer := self._next_answer(run, report)) is not None:
                answer = replace(answer, tokens=self._keep_codec_codes(answer.tokens))
                report.codes += len(answer.tokens)
                yield DecodedSegment(segments[answer.index], prompts[answer.index], answer)
        finally:
            run.interrupt()
            self._decode_run = None
        on_event(Event("gpt", drawn, drawn))
        if self.options.low_memory and self._decoding is not None:
            self._decoding.close()  # the flow of the last lines may have its memory

    def _start_decoder(
        self, requests: Sequence[Request], on_poll: OnPoll, rendering: tuple[int, int, int], report: Report
    ) -> Generator[Finished, None, None]:
        """rendering: see `MemoryBudget.limit_decoding`."""
        decoder = self._get_decoding(report).decoder
        if isinstance(decoder, Engine):
            demand, held = decoder.cache_demand(requests), decoder.cache_bytes
            limits = self._budget.limit_decoding(demand, held, rendering)
            if limits.max_lanes is not None and 2 * limits.max_lanes < demand.lanes and self._take_turns():
                limits = self._budget.limit_decoding(demand, held, rendering)  # half the weights have left
            decoder.limit_runs(limits)
        return decoder.generate(requests, on_poll)

    def _rendering_bytes(self, segments: Sequence[Segment], limit: int, flow_batch: int) -> tuple[int, int, int]:
        """What the stages behind the decoder take: for the longest segment, a batch of the longest, and that with
        graphs."""
        slow = self.modules.version.slow_codes_per_text_token
        codes = sorted((min(limit, slow * len(s.text_ids)) for s in segments), reverse=True)
        reference = max(len(segment.voice.prompt_condition) for segment in segments)
        one, batch = (self._budget.costs.rendering(codes[:count], reference) for count in (1, flow_batch))
        return max(one), max(batch), sum(batch)

    def _next_answer(self, run: DecodeRun, report: Report) -> Finished | None:
        with matmul_stage(report, "gpt", self.device):
            return run.next_answer()

    def _free_decoder(self) -> bool:
        """A last resort: lines that are being decoded start over when it is their turn again."""
        decoder = None if self._decoding is None else self._decoding.decoder
        if not isinstance(decoder, Engine) or not decoder.cache_bytes:
            return False
        if self._decode_run is not None:
            self._decode_run.interrupt()
            self._budget.note("decoder", "lines decoded anew, to make room for those that were ready")
        self.release_generators()
        return True

    def _read_texts_on_cpu(self) -> bool:
        """A last resort: the model that reads emotions from text leaves the device."""
        left = self.modules.text_emotion.retreat_to_cpu()
        if left:
            self._budget.note("texts", "emotions are read from text on the CPU")
        return left

    def _take_turns(self) -> bool:
        """Where too little runs at once, and as a last resort: encoders and generators are on the device in turn, as in
        low-memory mode."""
        if type(self.offload) is not KeepAll or self.device.type == "cpu":
            return False
        self.offload = Alternate(self.modules, self.device, self.release_generators)
        if self._decode_run is None:
            self.offload.load_encoders()
        else:
            self.offload.load_generators()
        self._budget.note("turns", "encoders and generators take turns on the device")
        return True

    def _prepare_generators(
        self, segments: Sequence[Segment], options: SpeakOptions, report: Report, on_event: OnEvent
    ) -> FlowSchedule:
        """Generators on the device, their kernels ready, and what the flow is solved by: the first run of a checkpoint
        measures it."""
        self.offload.load_generators()
        self._rehearsal.begin(len(segments), options.num_beams)
        self._rehearsal.finish(on_event)
        if self._budget.short:
            self.modules.text_emotion.unload()
        with matmul_stage(report, "s2mel", self.device):
            chosen = self._budget.attempt(
                "calibration", 1, lambda _: self._flow.choose(options, on_event, self._budget.graphs)
            )
        report.flow_schedule = chosen.description
        return chosen.schedule

    def _render_batch(
        self,
        batch: Sequence[DecodedSegment],
        assembler: TakeAssembler,
        schedule: FlowSchedule,
        report: Report,
        on_event: OnEvent,
    ) -> None:
        """Latents, mel and waveform of decoded segments, into the reorder buffer."""
        for item in batch:
            if not item.answer.tokens.numel():
                assembler.put_empty(item.segment.place, item.segment.part)
        sounding = [item for item in batch if item.answer.tokens.numel()]
        hidden_states = self._get_decoding(report).hidden_states
        for said, wave in self._renderer.render_segments(sounding, hidden_states, schedule, report, on_event):
            assembler.put(said.segment.place, said.segment.part, wave, said.codes)
        report.flow, report.vocoder = self._renderer.backend_descriptions

    def _keep_codec_codes(self, tokens: Tensor) -> Tensor:
        """Codes that the codec knows; the start code, which the GPT may draw as any other, has no sound."""
        return tokens[tokens < self.modules.config.semantic_codec.codebook_size]

    def _get_decoding(self, report: Report) -> Decoding:
        report.decoder = self._choose_decoding().choice
        return self._choose_decoding()

    def _choose_decoding(self) -> Decoding:
        if self._decoding is None:
            self._decoding = choose_decoder(
                self.modules.gpt,
                self.options.use_accel,
                not self.options.low_memory,
                self.options.attention,
                self.modules.version.usual_codes,
            )
        return self._decoding

    def _default_offload(self) -> OffloadPolicy:
        if not self.options.low_memory:
            return KeepAll()
        return Alternate(self.modules, choose_placement(self.options).device, self.release_generators)

    def _new_report(self) -> Report:
        return Report(
            self.device,
            self.modules.precision,
            model=self.modules.version.title,
            choices=choose_placement(self.options).choices,
        )


def _meter_line(line: Line, place: int, lines: int, on_event: OnEvent) -> WorkMeter:
    """Conditioning of the line at `place` of all `lines`."""
    return WorkMeter(lambda share: on_event(Event("conditioning", place + share, lines, line.index)))

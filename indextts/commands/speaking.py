"""What the commands that speak share: options into the pipeline's, lines into a timeline, the result into a file."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import torch

from ..audio_file import write_audio
from ..dialogue.timeline import Timeline, assemble_timeline
from ..errors import ConfigError
from ..loading.find import find_checkpoint
from ..loading.layouts import default_roots
from ..options import LoadOptions, SpeakOptions
from ..pipeline import Pipeline
from ..records import Line
from ..seeds import seed_lines
from .progress import RunProgress, make_console

SPEAK_OPTIONS = {
    "temperature": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "max_codes": "max_codes",
    "beams": "num_beams",
    "steps": "steps",
    "language": "language",
}
"""Option of the command line -> field of `SpeakOptions`; what a user leaves out keeps the field's default."""


def load_pipeline(options: argparse.Namespace) -> Pipeline:
    """The pipeline that the machine's options ask for, from `--model-dir` or the usual places."""
    files = find_checkpoint(default_roots(options.model_dir))
    return Pipeline.load(files, build_load_options(options))


def build_load_options(options: argparse.Namespace) -> LoadOptions:
    """Half precision is the default on a GPU; everything else is as asked."""
    on_gpu = torch.cuda.is_available() and (options.device or "cuda").startswith("cuda")
    return LoadOptions(
        device=options.device,
        use_fp16=on_gpu if options.fp16 is None else options.fp16,
        use_accel=options.accel,
        use_torch_compile=options.compile,
        use_cuda_kernel=options.cuda_kernel,
        low_memory=options.low_memory,
        attention=options.attention,
    )


def build_speak_options(options: argparse.Namespace) -> SpeakOptions:
    """Raises `ConfigError` for a value out of its range."""
    given: dict[str, Any] = {field: getattr(options, name, None) for name, field in SPEAK_OPTIONS.items()}
    try:
        return SpeakOptions(**{field: value for field, value in given.items() if value is not None})
    except ValueError as error:
        raise ConfigError(str(error)) from error


def speak_timeline(lines: Sequence[Line], options: argparse.Namespace, silence_seconds: float) -> Timeline:
    settings = build_speak_options(options)
    pipeline = load_pipeline(options)
    console = make_console()
    with RunProgress(console) as progress:
        takes = list(pipeline.speak(seed_lines(lines, options.seed), settings, progress))
    console.print(pipeline.report().to_text())
    return assemble_timeline(takes, silence_seconds)


def write_result(timeline: Timeline, options: argparse.Namespace) -> int:
    write_audio(options.output, timeline.waveform, timeline.sample_rate)
    seconds = timeline.waveform.shape[-1] / timeline.sample_rate
    sys.stdout.write(f"{options.output}: {seconds:.2f} s, {timeline.sample_rate} Hz\n")
    return 0

"""What the commands that speak share: options into the pipeline's, lines into a timeline, the result into a file."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import torch

from ..audio_file import write_audio
from ..dialogue.timeline import Timeline, assemble_timeline, check_length
from ..errors import ConfigError, OutputError
from ..file_names import make_file_name
from ..loading.find import find_checkpoint
from ..loading.layouts import default_roots
from ..options import LoadOptions, SpeakOptions
from ..pipeline import Pipeline
from ..records import Line, Take
from ..seeds import seed_lines
from ..take_spool import TakeSpool
from ..text.glossary_file import read_glossary_file
from ..verify.loop import prepare_recognizers, speak_verified
from .progress import RunProgress, make_console


def build_load_options(options: argparse.Namespace) -> LoadOptions:
    """Half precision is the default on a GPU; everything else is as asked."""
    on_gpu = torch.cuda.is_available() and (options.device or "cuda").startswith("cuda")
    given = {field.name: getattr(options, field.name) for field in fields(LoadOptions)}
    return LoadOptions(**given | {"use_fp16": on_gpu if options.use_fp16 is None else options.use_fp16})


def build_speak_options(options: argparse.Namespace) -> SpeakOptions:
    """What a user leaves out keeps its default. Raises `ConfigError` for a value out of its range."""
    given = {field.name: getattr(options, field.name, None) for field in fields(SpeakOptions)}
    file = getattr(options, "glossary", None)
    given["glossary"] = read_glossary_file(file) if file else ""
    try:
        return SpeakOptions(**{name: value for name, value in given.items() if value is not None})
    except ValueError as error:
        raise ConfigError(str(error)) from error


@contextmanager
def spoken_timeline(
    lines: Sequence[Line], options: argparse.Namespace, silence_seconds: float, timing: str = "shift"
) -> Iterator[Timeline]:
    """Speak `lines`; takes go to disk as they come, and the timeline is good inside the `with` alone.

    Where the run ends early, or what is done inside fails with `OutputError`, the finished takes are kept in a folder
    of their own, and it is said where.
    """
    settings = build_speak_options(options)
    check_length(lines, silence_seconds)
    recognizers = prepare_recognizers(lines, settings)
    files, console = find_checkpoint(default_roots(options.model_dir)), make_console()
    takes: list[Take] = []
    with TakeSpool() as spool:
        try:
            with RunProgress(console) as progress:
                progress.start_run(lines)
                pipeline = Pipeline.load(files, build_load_options(options), progress)
                seeded = seed_lines(lines, options.seed)
                for take in speak_verified(pipeline, seeded, settings, recognizers, progress):
                    takes.append(spool.keep(take))
        except BaseException:
            if takes:
                console.print(f"{len(takes)} of {len(lines)} lines are finished. {_keep_takes(takes)}")
            raise
        console.print(pipeline.report().to_text())
        in_order = sorted(takes, key=lambda take: take.line.index)
        timeline = assemble_timeline(in_order, silence_seconds, timing=timing, make_silence=spool.zeros)
        for note in timeline.notes:
            console.print(f"note: {note}")
        try:
            yield timeline
        except OutputError as error:
            raise OutputError(f"{error}. {_keep_takes(in_order)}") from error


def check_distinct(outputs: Mapping[str, Path | None], inputs: Iterable[Path | None]) -> None:
    """Raises `OutputError` where two outputs, by the option's name, are one file, or an output is an input."""
    used = {os.path.realpath(file): str(file) for file in inputs if file is not None and os.path.exists(file)}
    for option, file in outputs.items():
        place = "" if file is None else os.path.realpath(file)
        if place in used:
            raise OutputError(f"{option}: {file} would be written over {used[place]}; choose another name")
        if file is not None:
            used[place] = f"what {option} writes"


def _keep_takes(takes: Sequence[Take]) -> str:
    for place in (None, Path.home(), Path.cwd()):  # the first is the system's for temporary files
        try:
            folder = Path(tempfile.mkdtemp(prefix="indextts2-takes-", dir=place))
            for take in takes:
                name = make_file_name(take.line.speaker).encode()[:60].decode(errors="ignore")
                write_audio(folder / f"{take.line.index + 1:04}-{name}.wav", take.waveform, take.sample_rate)
        except (OSError, OutputError):
            continue
        return f"The takes are kept in {folder}"
    return "The takes could not be kept anywhere else either"


def write_result(timeline: Timeline, options: argparse.Namespace) -> int:
    write_audio(options.output, timeline.waveform, timeline.sample_rate)
    seconds = timeline.waveform.shape[-1] / timeline.sample_rate
    sys.stdout.write(f"{options.output}: {seconds:.2f} s, {timeline.sample_rate} Hz\n")
    return 0

"""`indextts2 bench`: how long every stage takes here, for one line and for a dialogue, toggle by toggle."""

import argparse
import datetime
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import torch
from rich.table import Table

from ..audio_file import check_output, read_audio, translate_output_errors
from ..loading.find import find_checkpoint
from ..loading.layouts import DEMO_FOLDER, default_roots
from ..pipeline import Pipeline
from ..records import Audio, Line, Take, Voice
from ..report import STAGES, Report
from ..seeds import seed_lines
from .progress import RunProgress, make_console
from .speaking import build_load_options, build_speak_options

TEXTS = (
    "Good evening, everyone. The train to the coast leaves in ten minutes, from the last platform on the left.",
    "今天的天气真不错, 我们一起去公园走走吧, 顺便把那本书带给她.",
    "I told you twice already, and I will gladly tell you a third time: the key is under the blue flower pot.",
    "Nobody knows how the story ends, and perhaps that is exactly why we keep on reading it.",
)


MODES: dict[str, dict[str, Any]] = {
    "no acceleration": {"use_accel": False, "use_torch_compile": False},
    "GPT acceleration": {"use_accel": True, "use_torch_compile": False},
    "full acceleration": {"use_accel": True, "use_torch_compile": True},
}
"""What users call a setting of the toggles -> fields of `LoadOptions`. The first is what the others are compared to."""


@dataclass(frozen=True)
class Result:
    """One run of one mode. `load_seconds`: reading the model, once a mode."""

    mode: str
    case: str
    load_seconds: float
    report: Report

    def to_json(self) -> str:
        """One line of a results file."""
        return json.dumps(
            {
                "benchmark": "bench",
                "case": f"{self.case}, {self.mode}",
                "value": round(self.report.wall_seconds, 4),
                "unit": "s",
                "audio_seconds": round(self.report.audio_seconds, 3),
                "load_seconds": round(self.load_seconds, 3),
                "stages": {stage: round(seconds, 4) for stage, seconds in self.report.seconds.items()},
                "peak_memory_bytes": self.report.peak_memory_bytes,
                "device": device_name(self.report.device),
                "precision": self.report.precision,
                "choices": self.report.choices,
                "schedule": self.report.flow_schedule,
                "torch": torch.__version__,
                "version": version("indextts2-multitalk"),
                "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            },
            ensure_ascii=False,
        )


def bench(options: argparse.Namespace) -> int:
    """Run every mode, print a table, and append JSON lines where asked."""
    if options.json:
        check_output(options.json, None)
    console = make_console()
    results = []
    for mode in MODES:
        console.print(f"{mode} …")
        with RunProgress(console) as progress:
            results += list(_time_mode(mode, options, progress))
    console.print(_tabulate_results(results))
    for note in dict.fromkeys(
        note for r in results for note in (*r.report.choices, r.report.flow, r.report.flow_schedule)
    ):
        console.print(note)
    if options.json:
        with translate_output_errors(options.json), options.json.open("a", encoding="utf-8") as out:
            out.writelines(f"{result.to_json()}\n" for result in results)
    return 0


def _time_mode(mode: str, options: argparse.Namespace, progress: RunProgress) -> Iterator[Result]:
    start = time.perf_counter()
    files = find_checkpoint(default_roots(options.model_dir))
    pipeline = Pipeline.load(files, replace(build_load_options(options), **MODES[mode]))
    load_seconds = time.perf_counter() - start
    lines = _make_lines(options, TEXTS if files.folder != DEMO_FOLDER else [text for text in TEXTS if text.isascii()])
    for warm in (True, False):
        for case, spoken in (("1 line", lines[:1]), (f"{len(lines)} lines", lines)):
            if pipeline.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(pipeline.device)
            progress.start_run(spoken)
            takes = list(pipeline.speak(spoken, build_speak_options(options), progress))
            _check_takes(takes, spoken)
            if not warm:
                yield Result(mode, case, load_seconds, pipeline.report())
    pipeline.release()


def _make_lines(options: argparse.Namespace, known: Sequence[str]) -> list[Line]:
    """As many lines as were asked for, of the texts that the model knows the letters of."""
    audio = read_audio(options.voice) if options.voice else _make_noise()
    voice = Voice("speaker", audio)
    texts = (list(known) * math.ceil(options.lines / len(known)))[: options.lines]
    return seed_lines([Line(index, voice.name, text, index + 1, voice) for index, text in enumerate(texts)], 0)


def _make_noise() -> Audio:
    """Ten seconds that take as long to listen to as a voice would."""
    samples = torch.randn(1, 10 * 16000, generator=torch.Generator().manual_seed(0))
    return Audio(0.1 * samples, 16000)


def _check_takes(takes: Sequence[Take], lines: Sequence[Line]) -> None:
    """No figure without sound: every line was spoken, in order, and every sample is a number."""
    assert [take.line.index for take in takes] == [line.index for line in lines], "a line is missing"
    assert all(bool(torch.isfinite(take.waveform).all()) for take in takes), "a waveform is not finite"


def _tabulate_results(results: Sequence[Result]) -> Table:
    """A column for every run, a row for every figure; times in seconds."""
    slowest = {result.case: result.report.wall_seconds for result in results if result.mode == results[0].mode}
    table = Table("seconds", *(f"{result.mode}, {result.case}" for result in results))
    table.add_row("load", *(f"{result.load_seconds:.2f}" for result in results))
    for stage in STAGES:
        table.add_row(stage, *(f"{result.report.seconds[stage]:.2f}" for result in results))
    table.add_row("whole", *(f"{result.report.wall_seconds:.2f}" for result in results))
    table.add_row("of speech", *(f"{result.report.audio_seconds:.2f}" for result in results))
    table.add_row("RTF", *(f"{result.report.real_time_factor or 0:.3f}" for result in results))
    table.add_row("share", *(f"{100 * r.report.wall_seconds / slowest[r.case]:.0f} %" for r in results))
    peaks = [result.report.peak_memory_bytes for result in results]
    table.add_row("memory", *("-" if peak is None else f"{peak / 2**30:.2f} GiB" for peak in peaks))
    return table


def device_name(device: torch.device) -> str:
    """The GPU's name, or the device's kind."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type

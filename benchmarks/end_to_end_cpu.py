"""A whole line on a CPU: float32, one beam and three, with the engine or with the plain loop.

    python benchmarks/end_to_end_cpu.py [--folder DIR] [--small] [--plain] [--seconds 3] [--threads 2] [--repeats 1]

The voice is cached, as from a script's second line on. Every line is cut at its limit (see `end_to_end.py`). `value` is
by the clock, of the fastest repeat; `process_s` counts all threads of this process and leaves other programs out.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from end_to_end import endless, seeded_folder, speak_options
from end_to_end_sound import lines_of
from indextts2_multitalk.indextts.options import LoadOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.runtime.cpu_matmul import use_fastest_matmul
from measure import emit

CASES = {"cpu-whole-line": 1, "cpu-whole-line-3-beams": 3}


class Taken(NamedTuple):
    """Seconds by the clock, of all threads, and what the report says of each stage."""

    wall: float
    process: float
    stages: dict[str, float]


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    with torch.inference_mode(), tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or seeded_folder(Path(scratch), arguments.small)
        measure(folder, arguments)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="a released folder; without one, seeded weights of full size")
    parser.add_argument("--small", action="store_true", help="tiny seeded weights: does the benchmark itself run?")
    parser.add_argument("--plain", action="store_true", help="the plain loop instead of the engine")
    parser.add_argument("--seconds", type=float, default=3.0, help="of speech in a line")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=1)
    return parser.parse_args()


def measure(folder: Path, arguments: argparse.Namespace) -> None:
    """Load once, hear the voice once, then speak the same line in every case."""
    about = {"toggles": "no acceleration" if arguments.plain else "GPT acceleration"}
    start = time.perf_counter()
    pipeline = Pipeline.load(folder, LoadOptions("cpu", use_accel=not arguments.plain))
    report("cpu-load", time.perf_counter() - start, about)
    lines = lines_of(1, 1)
    start = time.perf_counter()
    with use_fastest_matmul(pipeline.device):
        pipeline._conditioning.encode_voice(lines[0].voice.audio)
    report("cpu-conditioning", time.perf_counter() - start, about)
    with endless(pipeline):
        for case, beams in CASES.items():
            options = speak_options(arguments, beams)

            def speak(options: Any = options) -> Pipeline:
                list(pipeline.speak(lines, options))
                return pipeline

            best = min((timed(speak) for _ in range(arguments.repeats)), key=lambda taken: taken.wall)
            length = pipeline.report().audio_seconds
            more = {"process_s": round(best.process, 2), "rtf": round(best.wall / length, 3), "stages": best.stages}
            more["schedule"] = pipeline.report().flow_schedule
            report(case, best.wall, about | more | {"audio_s": round(length, 3)})


def timed(speak: Callable[[], Pipeline]) -> Taken:
    wall, process = time.perf_counter(), time.process_time()
    pipeline = speak()
    wall, process = time.perf_counter() - wall, time.process_time() - process
    return Taken(wall, process, {stage: round(value, 3) for stage, value in pipeline.report().seconds.items()})


def report(case: str, value: float, more: dict[str, Any]) -> None:
    """One line, with the most memory the process has held so far and how busy the machine is."""
    unit = 2**30 if sys.platform == "darwin" else 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    more = more | {"peak_memory_gib": round(peak, 3), "load": round(os.getloadavg()[0], 1)}
    emit("end_to_end", case, value, "s", "float32", **more)


if __name__ == "__main__":
    main()

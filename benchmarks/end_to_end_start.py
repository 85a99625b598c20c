"""How long a new process takes until it has spoken: loading, and the first line with empty and with warm kernel caches.

    python benchmarks/end_to_end_start.py [--folder DIR] [--small] [--only CASE ...]

A line of 10 s with one beam; every toggle is on, in the plain case none. Each process is a new one; imports are not
counted, and the first line's time does not contain loading. Beside a first line stand its stages, and how many kernels
its launches had to wait for that were not made ready beforehand.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import torch
from end_to_end import endless, options_of, seeded_folder, speak, speak_options
from end_to_end_sound import lines_of
from indextts2_multitalk.indextts.pipeline import Pipeline
from measure import Refused, case_name, drain, emit

FULL, PLAIN = "full acceleration", "no acceleration"
CASES = ("first-line-fresh", "first-line", "load", "plain-first-line")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="a released folder; without one, seeded weights of full size")
    parser.add_argument("--small", action="store_true", help="tiny seeded weights: does the benchmark itself run?")
    parser.add_argument("--seconds", type=float, default=10.0, help="of speech in the line")
    parser.add_argument("--only", nargs="+", choices=CASES, default=CASES, help="only these figures")
    parser.add_argument("--seeded", action="store_true", help="the folder's weights are seeded ones")
    parser.add_argument("--here", choices=(FULL, PLAIN), help="measure in this process, under these toggles")
    arguments = parser.parse_args()
    arguments.device = "cuda" if torch.cuda.is_available() else "cpu"
    arguments.fp16 = arguments.device == "cuda"
    if arguments.here:
        print(json.dumps(start(arguments)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        measure(arguments, arguments.folder or seeded_folder(Path(scratch), arguments.small), f"{scratch}/kernels")


def measure(arguments: argparse.Namespace, folder: Path, kernels: str) -> None:
    """The cases asked for, each from the process that it is of."""
    dtype = "float16" if arguments.fp16 else "float32"

    def report(case: str, value: float, **more: object) -> None:
        if case in arguments.only:
            toggles, bare = (PLAIN, case.removeprefix("plain-")) if case.startswith("plain") else (FULL, case)
            emit("end_to_end", case_name(bare, dtype, toggles=toggles), value, "s", dtype, toggles=toggles, **more)

    if {"first-line-fresh", "first-line"} & set(arguments.only):
        fresh = process(arguments, folder, kernels, FULL)
        report("first-line-fresh", fresh.pop("first_line"), **fresh)
    if {"first-line", "load"} & set(arguments.only):
        warm = process(arguments, folder, kernels, FULL)
        report("load", warm["load"])
        report("first-line", warm.pop("first_line"), **warm)
    if "plain-first-line" in arguments.only:
        plain = process(arguments, folder, kernels, PLAIN)
        report("plain-first-line", plain.pop("first_line"), **plain)


def start(arguments: argparse.Namespace) -> dict[str, object]:
    """Seconds of loading and of the first line, and what it waited for."""
    lines, waited = lines_of(1, 1), count_waits()
    with torch.inference_mode():
        begin = time.perf_counter()
        pipeline = Pipeline.load(arguments.folder, options_of(arguments.here, arguments))
        drain()
        loaded = time.perf_counter()
        with endless(pipeline):
            speak(pipeline, lines, speak_options(arguments, 1))
        drain()
        spoken = time.perf_counter()
    stages = {stage: round(value, 3) for stage, value in pipeline.report().seconds.items()}
    more = {"stages": stages, "waited_for": waited, "schedule": pipeline.report().flow_schedule}
    return {"load": round(loaded - begin, 3), "first_line": spoken - loaded, **more}


def count_waits() -> dict[str, int]:
    """By kernel, how often the main thread compiled it or read it from the cache, from now on."""
    waited: dict[str, int] = {}

    def note(*, src, **_):
        if threading.current_thread() is threading.main_thread():
            waited[src.name] = waited.get(src.name, 0) + 1

    try:
        from triton import knobs
    except ImportError:
        return waited
    knobs.compilation.listener = note
    return waited


def process(arguments: argparse.Namespace, folder: Path, kernels: str, toggles: str) -> dict[str, object]:
    """`start` in a new process whose compiled kernels lie in `kernels`."""
    command = [sys.executable, __file__, "--here", toggles, "--folder", str(folder)]
    own = {
        "TRITON_CACHE_DIR": f"{kernels}/triton",
        "TORCHINDUCTOR_CACHE_DIR": f"{kernels}/inductor",
        "INDEXTTS2_CACHE": f"{kernels}/pack",
        "CUDA_CACHE_PATH": f"{kernels}/driver",
    }
    command += ["--seconds", str(arguments.seconds), *["--seeded"] * (arguments.folder is None)]
    ran = subprocess.run(command, env=os.environ | own, capture_output=True, text=True)
    if ran.returncode:
        raise Refused(f"a new process could not speak: {ran.stderr}")
    return json.loads(ran.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()

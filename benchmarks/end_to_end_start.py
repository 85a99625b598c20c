"""How long a new process takes until it has spoken: loading, and the first line with empty and with warm kernel caches.

    python benchmarks/end_to_end_start.py [--folder DIR] [--small]

Every toggle is on, one beam, a line of 10 s. Each figure is of a process of its own; imports are not counted, and the
first line's time does not contain loading. The first process reads the files for the first time and is not counted.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from end_to_end import endless, options_of, seeded_folder, speak, speak_options
from end_to_end_sound import lines_of
from indextts2_multitalk.indextts.pipeline import Pipeline
from measure import Refused, case_name, drain, emit

ABOUT = {"toggles": "full acceleration"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="a released folder; without one, seeded weights of full size")
    parser.add_argument("--small", action="store_true", help="tiny seeded weights: does the benchmark itself run?")
    parser.add_argument("--seconds", type=float, default=10.0, help="of speech in the line")
    parser.add_argument("--here", action="store_true", help="measure in this process")
    arguments = parser.parse_args()
    arguments.device = "cuda" if torch.cuda.is_available() else "cpu"
    arguments.fp16 = arguments.device == "cuda"
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.here:
            print(json.dumps(start(arguments)))
            return
        folder = arguments.folder or seeded_folder(Path(scratch), arguments.small)
        fresh = process(arguments, folder, f"{scratch}/kernels")
        warm = process(arguments, folder, f"{scratch}/kernels")
    dtype = "float16" if arguments.fp16 else "float32"
    for case, value in (
        ("first-line-fresh", fresh["first_line"]), ("first-line", warm["first_line"]), ("load", warm["load"])
    ):  # fmt: skip
        emit("end_to_end", case_name(case, dtype), value, "s", dtype, **ABOUT)


def start(arguments: argparse.Namespace) -> dict[str, float]:
    """Seconds of loading and of the first line."""
    with torch.inference_mode():
        begin = time.perf_counter()
        pipeline = Pipeline.load(arguments.folder, options_of(ABOUT["toggles"], arguments))
        drain()
        loaded = time.perf_counter()
        with endless(pipeline):
            speak(pipeline, lines_of(1, 1), speak_options(arguments, 1))
        drain()
        return {"load": loaded - begin, "first_line": time.perf_counter() - loaded}


def process(arguments: argparse.Namespace, folder: Path, kernels: str) -> dict[str, float]:
    """`start` in a new process whose compiled kernels lie in `kernels`."""
    command = [sys.executable, __file__, "--here", "--folder", str(folder), "--seconds", str(arguments.seconds)]
    own = {
        "TRITON_CACHE_DIR": f"{kernels}/triton",
        "TORCHINDUCTOR_CACHE_DIR": f"{kernels}/inductor",
        "INDEXTTS2_CACHE": f"{kernels}/pack",
        "CUDA_CACHE_PATH": f"{kernels}/driver",
    }
    ran = subprocess.run(command, env=os.environ | own, capture_output=True, text=True)
    if ran.returncode:
        raise Refused(f"a new process could not speak: {ran.stderr}")
    return json.loads(ran.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()

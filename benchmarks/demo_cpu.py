"""The demonstration on a CPU: `make demo`'s six lines, each time in a new process, as a user runs them.

    python benchmarks/demo_cpu.py [--threads N] [--repeats N] [--flow-solver NAME]

Prints one JSON line: the real-time factor of the run that took least time, for other programs run beside; and the
processor time of all its threads. Refuses where runs said other things.
"""

import argparse
import hashlib
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import torch
from indextts2_multitalk.indextts.loading.layouts import DEMO, DEMO_FOLDER
from measure import Refused, emit

COMMAND = "import sys; from indextts2_multitalk.indextts.commands.cli import main; sys.exit(main(sys.argv[1:]))"


class Run(NamedTuple):
    """real_time_factor, stages and schedule: what the report says. process: seconds of all threads, loading too."""

    real_time_factor: float
    process: float
    stages: str
    schedule: str
    sound: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--flow-solver", default="auto")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)  # for what the line says of the device
    runs = [speak_demo(arguments.threads, arguments.flow_solver) for _ in range(arguments.repeats)]
    if len({run.sound for run in runs}) > 1:
        raise Refused("runs said other things")
    best = min(runs)
    more = {"process_s": round(best.process, 2), "stages": best.stages}
    more |= {"schedule": best.schedule, "sha256": best.sound, "load": round(os.getloadavg()[0], 1)}
    runs_shown = [run.real_time_factor for run in runs]
    emit("end_to_end", "demo-cpu", best.real_time_factor, "times real time", "float32", runs=runs_shown, **more)


def speak_demo(threads: int, solver: str) -> Run:
    voices = [f"--voice={name.title()}={DEMO_FOLDER / 'voices' / name}.flac" for name in ("anna", "ben")]
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "demo.wav"
        said = ["talk", str(DEMO_FOLDER / "dialogue.txt"), *voices, "--model-dir", DEMO, "-o", str(out)]
        command = [sys.executable, "-c", COMMAND, *said, "--flow-solver", solver, "--device", "cpu"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = {"OMP_NUM_THREADS": str(threads)}
        ran = subprocess.run(command, env=os.environ | own, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if ran.returncode:
            raise Refused(ran.stderr)
        sound = hashlib.sha256(out.read_bytes()).hexdigest()
    process = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    factor, stages, schedule = (
        re.search(pattern, ran.stderr) for pattern in (r"RTF ([\d.]+)", r"time: (.*)", r"(flow: \d+ steps.*)")
    )
    if not (factor and stages and schedule):
        raise Refused(f"the report does not say what is measured: {ran.stderr}")
    return Run(float(factor[1]), process, stages[1], schedule[1], sound)


if __name__ == "__main__":
    main()

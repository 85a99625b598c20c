"""What every benchmark shares: one JSON line a figure, with all that is needed to read it later."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from typing import Any

import torch


class Refused(Exception):
    """A benchmark whose own correctness check fails reports nothing."""


PREFIXES = {"float16": "", "bfloat16": "bf16-", "float32": "float32-"}


def case_name(
    case: str, dtype: str, attention: str = "triton", toggles: str = "full acceleration", quantize: str = "none"
) -> str:
    """A bare name is float16, every toggle on, Triton attention, no quantization; anything else carries a prefix."""
    mode = {"full acceleration": "", "GPT acceleration": "gpt-only-", "no acceleration": "plain-"}[toggles]
    backend = "" if attention == "triton" else f"{attention}-"
    return PREFIXES[dtype.removeprefix("torch.")] + mode + backend + ("" if quantize == "none" else "int8-") + case


def version_prefix(number: str) -> str:
    """What a figure's name begins with where it is another version's than 2.0."""
    return "" if number == "2.0" else f"v{number}-"


def emit(benchmark: str, case: str, value: float, unit: str, dtype: str, **more: Any) -> None:
    """Print one result as a JSON line."""
    line = {"benchmark": benchmark, "case": case, "value": round(value, 4), "unit": unit, "dtype": dtype}
    print(json.dumps(line | environment() | more), flush=True)


def environment() -> dict[str, str]:
    """Device, versions, commit and date."""
    cuda = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if cuda else f"CPU, {torch.get_num_threads()} threads"
    found = {"device": device, "torch": torch.__version__, "commit": commit()}
    return found | {"date": datetime.now(timezone.utc).date().isoformat()}


def commit() -> str:
    """The commit measured, a plus behind it where files differ; without git, what `COMMIT` in the environment says."""
    if "COMMIT" in os.environ:
        return os.environ["COMMIT"]
    root = Path(__file__).parents[1]
    try:
        command = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def seconds(work: Callable[[], object], repeats: int = 5, warm_up: int = 1) -> float:
    """Median wall-clock seconds of `work`, the device drained before each look at the clock."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(repeats):
        drain()
        start = time.perf_counter()
        work()
        drain()
        times.append(time.perf_counter() - start)
    return median(times)


def drain() -> None:
    """Wait until the device has done all it was asked to."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()

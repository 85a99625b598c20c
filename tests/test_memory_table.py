"""The README's table of memory: nothing without results, a cross where a case failed, the newest figure of each."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

from memory_table import memory_table


def row(case: str, value: float, peak: float = 3.9, device: str = "NVIDIA H200") -> dict[str, object]:
    return {"benchmark": "fits", "case": case, "value": value, "peak_reserved_gib": peak, "device": device}


def test_without_results_there_is_no_table():
    assert memory_table([], 0) == ""
    assert memory_table([row("fits-4-gib-1-line", 1.0, device="CPU, 2 threads")], 0) == ""


def test_the_newest_figure_counts_and_a_failure_is_a_cross():
    rows = [row("fits-4-gib-1-line", 9.0), row("fits-4-gib-1-line", 0.512), row("fits-4-gib-30-s", 0.0, 3.3)]
    for language in (0, 1):
        assert memory_table(rows, language).endswith("| 4 GiB | 0.512 s | – | – | ✗ | 3.9 GiB |\n")

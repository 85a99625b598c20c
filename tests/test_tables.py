"""The README's tables are what the committed results say."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_tables_are_made_from_the_results() -> None:
    run = subprocess.run([sys.executable, ROOT / "benchmarks" / "tables.py", "--check"], capture_output=True, text=True)
    assert run.returncode == 0, f"run `python benchmarks/tables.py`\n{run.stderr}"

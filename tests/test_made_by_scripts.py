"""What scripts make is committed as they make it now: tables of the READMEs, the picture of the architecture."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("script", ["benchmarks/tables.py", "docs/draw_architecture.py"])
def test_what_scripts_make_is_up_to_date(script: str) -> None:
    run = subprocess.run([sys.executable, ROOT / script, "--check"], capture_output=True, text=True)
    assert run.returncode == 0, f"run `python {script}`\n{run.stderr}"

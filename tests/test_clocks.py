"""No test depends on how fast the machine is: none reads a clock, sleeps, or ends a wait after seconds of its own."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FILES = sorted(set(TESTS.rglob("*.py")) - {TESTS / "helpers" / "waiting.py", TESTS / "conftest.py"})
CLOCKS = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "time", "time_ns"}
BOUNDS = {"timeout", "deadline"}


def clocks_read(tree: ast.Module) -> list[int]:
    """Line numbers of `time.monotonic` and its kind."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in CLOCKS
        and isinstance(node.value, ast.Name)
        and node.value.id == "time"
    ]


def seconds_given(tree: ast.Module) -> list[int]:
    """Line numbers of `sleep(0.1)` and `timeout=5`; sleep(0) only lets others run."""
    found = []
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        bounds = [keyword.value for keyword in call.keywords if keyword.arg in BOUNDS]
        seconds = call.args[:1] if name == "sleep" else bounds
        if any(isinstance(value, ast.Constant) and value.value for value in seconds):
            found.append(call.lineno)
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(TESTS).as_posix())
def test_goes_by_steps_not_by_seconds(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert (clocks_read(tree), seconds_given(tree)) == ([], []), "wait with helpers/waiting.py, or inject a clock"


def test_what_is_looked_for_would_be_found() -> None:
    written = (
        "import time\ntime.sleep(0)\ntime.sleep(0.1)\nassert time.monotonic() < 5\nrun(timeout=5)\nrun(deadline=None)\n"
    )
    tree = ast.parse(written)
    assert (clocks_read(tree), seconds_given(tree)) == ([4], [3, 5])

"""Every committed case is answered rightly; `known.txt` names those that are not yet, and only those."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.cases import COMMITTED, Case, read_cases, read_known

CASES = [*read_cases(COMMITTED), *read_cases(COMMITTED.with_name("scripts_and_subtitles.json"))]
RUNNER = Path(__file__).with_name("run_cases.py")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case_is_read_as_a_native_reads_it(case: Case) -> None:
    answer = case.answer()
    if case.id in read_known():
        assert not case.accepts(answer), "this case is right now: take it off known.txt"
    else:
        assert case.accepts(answer), f"got {answer!r}, expected {case.right!r}"


def test_known_faults_are_cases() -> None:
    assert read_known() <= {case.id for case in CASES}


def run_file(folder: Path, *entries: dict[str, object], kind: str = "") -> subprocess.CompletedProcess[str]:
    file = folder / "cases.json"
    file.write_text(json.dumps(entries), encoding="utf-8")
    command = [sys.executable, str(RUNNER), str(file), "--kind", kind]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


def test_the_runner_prints_what_fails_and_says_so_by_its_status(tmp_path: Path) -> None:
    right = {"id": "one", "kind": "en-a", "check": "normalize", "input": "Hello.", "right": "hel lo."}
    wrong = {**right, "id": "two", "kind": "en-b", "right": "Goodbye."}
    both = run_file(tmp_path, right, wrong)
    assert both.returncode == 1
    assert both.stdout.split("\n")[:2] == ["two", '  input "Hello."']
    assert "1 of 2 right" in both.stdout
    assert run_file(tmp_path, right, wrong, kind="en-a").returncode == 0

"""Runs a file of cases and prints what fails; the exit status is 1 where one does.

`python tests/cases/run_cases.py FILE --kind en-money`: only kinds that begin so.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers.cases import COMMITTED, read_cases


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=COMMITTED, help="default: %(default)s")
    parser.add_argument("--kind", nargs="*", default=[""], help="only kinds that begin with one of these")
    options = parser.parse_args()
    cases = [case for case in read_cases(options.file) if case.kind.startswith(tuple(options.kind))]
    failed = [(case, answer) for case in cases if not case.accepts(answer := case.answer())]
    for case, answer in failed:
        _write_row(case.id)
        for name, value in (("input", case.input), ("got", answer), ("right", case.right)):
            _write_row(f"  {name:6}{json.dumps(value, ensure_ascii=False)}")
    _write_row(f"{len(cases) - len(failed)} of {len(cases)} right")
    return 1 if failed or not cases else 0


def _write_row(row: Any) -> None:
    sys.stdout.write(f"{row}\n")


if __name__ == "__main__":
    sys.exit(main())

"""Workflows and hooks are never run by the tests, but what they call is there and understands its arguments."""

import os
import re
import shlex
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from indextts2_multitalk.indextts.commands.cli import build_parser

tomllib = pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SHELL = {"mkdir", "grep", "pipx"}


def jobs(workflow: Path) -> dict[str, dict]:
    return yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]


def commands(workflow: Path) -> Iterator[list[str]]:
    """Words of every command line of a workflow's steps."""
    for job in jobs(workflow).values():
        for step in job.get("steps", ()):
            yield from (shlex.split(line) for line in step.get("run", "").splitlines())


def check_command(words: list[str]) -> None:
    program, *arguments = words
    if program == "indextts2":
        build_parser().parse_args(arguments)
        files = [word.split("=")[-1] for word in arguments if "checkpoints/" in word]
        assert [file for file in files if not (ROOT / file).is_file()] == []
    elif program == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert [name for name in arguments if not re.search(rf"^{re.escape(name)}:", makefile, re.MULTILINE)] == []
    elif program == "python":
        modules = re.findall(r"import ([\w.]+)", " ".join(arguments))
        assert [name for name in modules if find_spec(name) is None] == []
    elif "=$(" in program:
        assert re.match(r"\w+=\$\(sed$", program)
    elif program.startswith("."):
        assert os.access(ROOT / program, os.X_OK)
    else:
        assert program in SHELL


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.stem)
def test_workflows_call_what_is_there(workflow: Path) -> None:
    for words in commands(workflow):
        check_command(words)
    for job in jobs(workflow).values():
        assert (ROOT / job.get("uses", ".")).exists()


def test_linux_runs_what_has_to_be_green() -> None:
    assert [".ci/run"] in list(commands(ROOT / ".github" / "workflows" / "ci.yml"))


def test_a_release_is_published_after_the_tests() -> None:
    publish = jobs(ROOT / ".github" / "workflows" / "publish.yml")
    assert publish["publish"]["needs"] == ["test", "audit"]
    assert publish["test"]["uses"] == "./.github/workflows/ci.yml"


def test_a_release_is_refused_where_its_tag_is_not_the_version() -> None:
    """The step looks for this very line."""
    assert (
        f'version = "{PROJECT["project"]["version"]}"'
        in (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    )


def test_hooks_run_the_linter_of_the_project() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [hook["id"] for hook in repository["hooks"]] == ["ruff-check", "ruff-format"]
    for hook in repository["hooks"]:
        assert set(hook["additional_dependencies"]) <= set(PROJECT["project"]["optional-dependencies"]["dev"])

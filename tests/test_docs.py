"""What the documents for engineers name is there: files, names in them, commands, options, links. Examples run."""

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.waiting import HUNG_SECONDS
from indextts2_multitalk.indextts.commands.cli import build_parser

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]
EACH_DOCUMENT = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
NEW = {"NAME", "LANGUAGE", "KEY", "FILE"}
"""In a path: what is yet to be written. The folder it goes into is there."""
MARKERS = {"gpu", "comfyui", "weights"}

CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"(?=\S*/|\S+\.(?:py|md|toml|json|svg)$)[\w.*-]+(?:/[\w.*-]*)*")
NAMES_IN_FILE = re.compile(r"`([\w./-]+\.\w+)` \(((?:`[^`]+`(?:, | and )?)+)\)")
COMMANDS = ("make", "indextts2", "python", "pytest")


def prose(document: Path) -> str:
    """The text without its blocks of code and without the first column of old names, which are gone."""
    text, heading, old_names = FENCE.sub("", document.read_text(encoding="utf-8")).partition("\n## Old names\n")
    return text + heading + re.sub(r"^\|[^|]*\|", "|", old_names, flags=re.MULTILINE)


def is_there(path: str) -> bool:
    *folders, name = path.split("/")
    if any(word in NEW for word in re.split(r"[./_]", path)):
        known = [folder for folder in folders if not NEW & set(folder.split("_"))]
        return ROOT.joinpath(*known).is_dir()
    return any(ROOT.glob(path.rstrip("/"))) if name or folders else False


def command_lines(document: Path) -> Iterator[list[str]]:
    """Words of every command, in a block or in a line, without the settings before it and the comment behind it."""
    blocks = [body for language, body in FENCE.findall(document.read_text(encoding="utf-8")) if language in ("", "sh")]
    for line in [*"\n".join(blocks).splitlines(), *CODE.findall(prose(document))]:
        if re.match(rf"(?:[A-Z_]+=\S* |\"[A-Z_]+=[^\"]*\" )*(?:{'|'.join(COMMANDS)}) ", line):
            words = shlex.split(line, comments=True)
            while "=" in words[0]:
                words = words[1:]
            yield words


def subcommands() -> dict[str, argparse.ArgumentParser]:
    (action,) = (a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return action.choices


def check_command(program: str, arguments: list[str]) -> None:
    """Raises where what is called, or an option of it, is not there."""
    options = [word.partition("=")[0] for word in arguments if word.startswith("-")]
    if program == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        for target in (word for word in arguments if "=" not in word):
            assert re.search(rf"^[\w -]*\b{re.escape(target)}\b[\w -]*:", makefile, re.MULTILINE), target
    elif program == "indextts2":
        known = subcommands()[arguments[0]]._option_string_actions
        assert [option for option in options if option not in known] == []
    elif program == "pytest":
        for place, word in enumerate(arguments):
            if arguments[place - 1] == "-m":
                assert word in MARKERS
            elif arguments[place - 1] != "-k" and not word.startswith("-"):
                assert is_there(word.partition("::")[0]), word
    elif arguments[0] == "-m":
        assert any(is_there(arguments[1].replace(".", "/") + end) for end in (".py", "/__init__.py")), arguments
    elif arguments[0].endswith(".py"):
        text = (ROOT / arguments[0]).read_text(encoding="utf-8")
        assert [option for option in options if option not in text] == []


@EACH_DOCUMENT
def test_files_are_there(document: Path) -> None:
    named = {code.partition("::")[0] for code in CODE.findall(prose(document))}
    missing = [path for path in sorted(named) if PATH.fullmatch(path) and not is_there(path)]
    assert missing == []


@EACH_DOCUMENT
def test_names_beside_a_file_are_in_it(document: Path) -> None:
    for path, names in NAMES_IN_FILE.findall(prose(document)):
        text = (ROOT / path).read_text(encoding="utf-8")
        missing = [name for name in CODE.findall(names) if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)]
        assert missing == [], path


@EACH_DOCUMENT
def test_commands_are_understood(document: Path) -> None:
    for program, *arguments in command_lines(document):
        check_command(program, arguments)


@EACH_DOCUMENT
def test_links_resolve(document: Path) -> None:
    for place in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if place.startswith("http"):
            continue
        file, _, heading = place.partition("#")
        target = document.parent / file if file else document
        assert target.exists(), place
        if heading:
            titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


EXAMPLES = [
    pytest.param(body, id=f"{document.name}-{number}")
    for document in DOCUMENTS
    for number, (language, body) in enumerate(FENCE.findall(document.read_text(encoding="utf-8")))
    if language == "python"
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_run(example: str) -> None:
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    run = subprocess.run(
        [sys.executable, "-c", example], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=HUNG_SECONDS
    )
    assert run.returncode == 0, run.stderr

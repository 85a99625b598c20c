"""What the READMEs tell a user to type works as it stands there."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from indextts2_multitalk.indextts.commands.cli import build_parser, main

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README_zh.md")
BLOCK = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUICK = ["--device", "cpu", "--max-codes", "8", "--steps", "1", "--beams", "1"]


def blocks(readme: str) -> list[str]:
    return BLOCK.findall((ROOT / readme).read_text(encoding="utf-8"))


def commands(readme: str) -> list[list[str]]:
    lines = "".join(blocks(readme)).splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("indextts2 ")]


@pytest.mark.parametrize("readme", READMES)
def test_commands_are_understood(readme: str) -> None:
    assert {command[0] for command in commands(readme)} == {"fetch", "doctor", "say", "talk"}
    for command in commands(readme):
        build_parser().parse_args(command)


@pytest.mark.parametrize("readme", READMES)
def test_examples_speak(readme: str, tmp_path: Path, model_folder: Path, voice_files, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, file in zip(("anna.wav", "ben.wav"), voice_files.values(), strict=True):
        shutil.copy(file, name)
    Path("checkpoints").symlink_to(ROOT / "checkpoints")
    script = next(block for block in blocks(readme) if "pause" in block)
    Path("script.txt").write_text(script, encoding="utf-8")
    for command in commands(readme):
        if command[0] in ("say", "talk"):
            assert main([*command, *QUICK, "--model-dir", str(model_folder)]) == 0
    assert Path("evening.wav").exists()
    assert Path("talk.srt").read_text(encoding="utf-8").count("-->") == 4  # a pause inside a line makes two of it


@pytest.mark.parametrize("readme", [*READMES, "CONTRIBUTING.md"])
def test_links_lead_somewhere(readme: str) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")
    places = [place for place in re.findall(r"\]\(([^)#]+)\)", text) if not place.startswith("http")]
    assert [place for place in places if not (ROOT / place).exists()] == []

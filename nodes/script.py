"""IndexTTS2_Script: a script from the node or from a file, and what was understood of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.latest import io

from ..indextts.dialogue.script import parse_script
from ..indextts.dialogue.script_file import read_script_file
from ..indextts.errors import ScriptError
from ..indextts.records import Line
from .emotions import describe_emotion, shorten_text
from .inputs import ScriptType, switch_input

FROM_TEXT = "none"
SUFFIXES = (".txt", ".srt", ".vtt", ".ass", ".ssa", ".lrc", ".json", ".md", ".csv")
MOST_PREVIEWED = 200


@dataclass(frozen=True)
class ScriptText:
    """What flows through an INDEXTTS2_SCRIPT socket. `skip_sound_cues`: see `parse_script`."""

    text: str
    skip_sound_cues: bool = False


def script_from(value: Any) -> ScriptText:
    """A connected script; plain text is one, too."""
    return value if isinstance(value, ScriptText) else ScriptText(str(value))


class Script(io.ComfyNode):
    """An INDEXTTS2_SCRIPT for Talk, with a preview of who says what, how and when."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IndexTTS2_Script",
            display_name="IndexTTS2 Script",
            category="IndexTTS2",
            description="A script, subtitles or a text file as lines, and a preview of what was understood.",
            search_aliases=["script", "dialogue", "subtitles", "srt", "dub", "剧本", "字幕", "配音"],
            inputs=[
                io.String.Input(
                    "text",
                    multiline=True,
                    default="Anna: [Happy] Hello, how are you today?\nBen: Fine, thank you!",
                    tooltip="One line per turn: Name: text, or any other dialect of scripts and subtitles.",
                ),
                io.Combo.Input(
                    "file",
                    options=[FROM_TEXT, *list_script_files()],
                    default=FROM_TEXT,
                    optional=True,
                    tooltip="A script or subtitle file in ComfyUI's input folder, in place of text.",
                ),
                switch_input("skip_sound_cues", False, "Leave out what is heard and not said, such as [door slams]."),
            ],
            outputs=[
                ScriptType.Output("script", tooltip="Connect it to Talk."),
                io.String.Output("preview", tooltip="What was understood, a row for each line."),
                io.String.Output("speakers", tooltip="The speakers in the order they first speak, one a row."),
            ],
        )

    @classmethod
    def validate_inputs(cls, file: str = FROM_TEXT) -> bool | str:
        try:
            script_file(file)
        except ScriptError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, file: str = FROM_TEXT, **_: Any) -> str:
        """Changes with the file."""
        found = script_file(file)
        return "" if found is None else f"{found} {found.stat().st_mtime_ns}"

    @classmethod
    def execute(cls, text: str, file: str = FROM_TEXT, skip_sound_cues: bool = False) -> io.NodeOutput:
        found = script_file(file)
        script = ScriptText(text if found is None else read_script_file(found), skip_sound_cues)
        lines = parse_script(script.text, skip_sound_cues=skip_sound_cues)
        speakers = dict.fromkeys(line.speaker for line in lines)
        return io.NodeOutput(script, preview_lines(lines), "\n".join(speakers))


def list_script_files() -> list[str]:
    """Script files in ComfyUI's input folder, folders inside included."""
    root = Path(folder_paths.get_input_directory())
    files = (file for file in root.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    return sorted(file.relative_to(root).as_posix() for file in files)


def script_file(name: str) -> Path | None:
    """The file that `name` means, None for the text itself. Raises `ScriptError` where it is not among the inputs."""
    if name == FROM_TEXT:
        return None
    root = Path(folder_paths.get_input_directory()).resolve()
    file = (root / name).resolve()
    if not (file.is_relative_to(root) and file.is_file()):
        raise ScriptError(f"file: got {name!r}, which is not in ComfyUI's input folder {root}; upload it there")
    return file


def preview_lines(lines: list[Line]) -> str:
    """A row for each line: number, time if it has one, speaker, emotion, text."""
    rows = [_preview_line(line) for line in lines[:MOST_PREVIEWED]]
    if len(lines) > MOST_PREVIEWED:
        rows.append(f"… and {len(lines) - MOST_PREVIEWED} more lines")
    return "\n".join(rows)


def _preview_line(line: Line) -> str:
    at = "" if line.start_seconds is None else f" at {line.start_seconds:.2f} s"
    felt = "" if line.emotion is None else f" ({describe_emotion(line.emotion)})"
    notes = "".join(f"\n   {note}" for note in line.notes)
    return f"{line.index + 1}.{at} {line.speaker}{felt}: {shorten_text(line.text, 100)}{notes}"

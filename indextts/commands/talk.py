"""`indextts2 talk`: a script with many voices."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..audio_file import check_output, check_output_folder, read_audio, translate_output_errors, write_audio
from ..dialogue.picture import check_drawing, draw_picture
from ..dialogue.script import parse_script
from ..dialogue.script_file import decode_script, read_script_file
from ..dialogue.speakers import LONGEST_NAME
from ..dialogue.subtitle_writer import to_srt, to_vtt
from ..dialogue.timeline import Timeline, fit_lines
from ..errors import OutputError, ScriptError
from ..file_names import find_equal, make_file_name
from ..records import Voice
from .speaking import check_distinct, spoken_timeline, write_result
from .values import expand_path


def talk(options: argparse.Namespace) -> int:
    """`indextts2 talk`: a script in any dialect, each speaker with a voice."""
    _check_outputs(options)
    voices = _read_voices(options.voice, options.boost)
    if options.stems:
        _check_stems(options, list(voices))
    lines = [
        replace(line, voice=voices[line.speaker], speed=line.speed * options.speed)
        for line in parse_script(_read_script(options.script), list(voices), options.skip_sound_cues)
    ]
    fitted = fit_lines(lines, options.timing)
    with spoken_timeline(fitted, options, options.silence, options.timing) as timeline:
        _write_extras(timeline, options)
        return write_result(timeline, options)


def _write_extras(timeline: Timeline, options: argparse.Namespace) -> None:
    """Subtitles, picture and stems, where they were asked for."""
    if options.srt:
        write = to_vtt if options.srt.suffix.lower() == ".vtt" else to_srt
        with translate_output_errors(options.srt):
            options.srt.write_text(write(timeline), encoding="utf-8")
    if options.picture:
        with translate_output_errors(options.picture):
            options.picture.write_bytes(draw_picture(timeline))
    if options.stems:
        for name, waveform in timeline.split_stems().items():
            write_audio(_stem_file(options, name), waveform, timeline.sample_rate)


def _check_outputs(options: argparse.Namespace) -> None:
    check_output(options.output)
    if options.srt:
        check_output(options.srt, None)
    if options.picture:
        check_drawing()
        check_output(options.picture, ("png",))
    if options.stems:
        check_output_folder(options.stems)
    given = [options.script, *(expand_path(item.partition("=")[2].strip()) for item in options.voice)]
    check_distinct({"-o": options.output, "--srt": options.srt, "--picture": options.picture}, given)


def _check_stems(options: argparse.Namespace, speakers: Sequence[str]) -> None:
    """Each speaker has a file of its own, which can be written and is not the whole."""
    if equal := find_equal(speakers):
        raise OutputError(
            f"--stems: speakers {equal[0]!r} and {equal[1]!r} would both be {_stem_file(options, equal[1]).name}; "
            "rename one of them"
        )
    for name in speakers:
        try:
            check_output(_stem_file(options, name))
            check_distinct({"-o": options.output, f"--stems, {name[:40]!r}": _stem_file(options, name)}, [])
        except OutputError as error:
            raise OutputError(f"--stems: {error}") from error


def _stem_file(options: argparse.Namespace, speaker: str) -> Path:
    folder: Path = options.stems
    return folder / f"{make_file_name(speaker)}.wav"


def _read_voices(given: Sequence[str], boost: bool) -> dict[str, Voice]:
    voices: dict[str, Voice] = {}
    for item in given:
        name, separator, file = item.partition("=")
        if name.strip() in voices:
            raise ScriptError(f"--voice: got {name.strip()[:40]!r} twice; give each speaker one recording")
        if not (name.strip() and separator and file.strip()) or len(name) > LONGEST_NAME:
            raise ScriptError(
                f"--voice: got {item[:80]!r}, expected NAME=FILE, such as Anna=anna.wav, with a name of up to "
                f"{LONGEST_NAME} characters"
            )
        voices[name.strip()] = Voice(name.strip(), read_audio(expand_path(file.strip())), boost)
    return voices


def _read_script(file: Path) -> str:
    """The script's text; "-" reads standard input."""
    return decode_script(sys.stdin.buffer.read()) if str(file) == "-" else read_script_file(file)

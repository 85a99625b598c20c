"""`indextts2 talk`: a script with many voices."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..audio_file import check_output, read_audio, translate_output_errors, write_audio
from ..dialogue.picture import check_drawing, draw_picture
from ..dialogue.script import parse_script
from ..dialogue.script_file import decode_script, read_script_file
from ..dialogue.timeline import fit_lines, to_srt, to_vtt
from ..errors import ScriptError
from ..records import Voice
from .speaking import speak_timeline, write_result


def talk(options: argparse.Namespace) -> int:
    """`indextts2 talk`: a script in any dialect, each speaker with a voice."""
    check_output(options.output)
    if options.picture:
        check_drawing()
        check_output(options.picture, ("png",))
    voices = _read_voices(options.voice, options.boost)
    lines = [
        replace(line, voice=voices[line.speaker], speed=line.speed * options.speed)
        for line in parse_script(_read_script(options.script), list(voices), options.skip_sound_cues)
    ]
    timeline = speak_timeline(fit_lines(lines, options.timing), options, options.silence, options.timing)
    if options.srt:
        with translate_output_errors(options.srt):
            write = to_vtt if options.srt.suffix.lower() == ".vtt" else to_srt
            options.srt.write_text(write(timeline), encoding="utf-8")
    if options.picture:
        with translate_output_errors(options.picture):
            options.picture.write_bytes(draw_picture(timeline))
    if options.stems:
        for name, waveform in timeline.split_stems().items():
            write_audio(options.stems / f"{_file_name(name)}.wav", waveform, timeline.sample_rate)
    return write_result(timeline, options)


def _read_voices(given: Sequence[str], boost: bool) -> dict[str, Voice]:
    voices = {}
    for item in given:
        name, separator, file = item.partition("=")
        if not (name.strip() and separator and file.strip()):
            raise ScriptError(f"--voice: got {item!r}, expected NAME=FILE, such as Anna=anna.wav")
        voices[name.strip()] = Voice(name.strip(), read_audio(Path(file.strip()).expanduser()), boost)
    return voices


def _read_script(file: Path) -> str:
    """The script's text; "-" reads standard input."""
    return decode_script(sys.stdin.buffer.read()) if str(file) == "-" else read_script_file(file)


def _file_name(speaker: str) -> str:
    """A speaker's name as a file name: letters and digits of any script, the rest as "_"."""
    return "".join(letter if letter.isalnum() or letter in "-_ " else "_" for letter in speaker).strip() or "_"

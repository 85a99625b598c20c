"""The commands that speak: one text with one voice, or a script with many."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ..audio_file import check_output, read_audio, write_audio, write_bytes, write_text
from ..dialogue.emotions import emotion_names, read_emotion
from ..dialogue.picture import check_drawing, picture
from ..dialogue.script import parse_script
from ..dialogue.timeline import Timeline, assemble_timeline, to_srt
from ..errors import ConfigError, EmotionError, ScriptError
from ..loading.find import find_checkpoint
from ..loading.layouts import default_roots
from ..options import LoadOptions, SpeakOptions
from ..pipeline import Pipeline
from ..records import Emotion, Line, Voice
from ..seeds import seed_lines
from .progress import RunProgress, terminal

SPEAK_OPTIONS = {
    "temperature": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "max_codes": "max_codes",
    "beams": "num_beams",
    "steps": "steps",
    "language": "language",
}
"""Option of the command line -> field of `SpeakOptions`; what a user leaves out keeps the field's default."""


def say(options: argparse.Namespace) -> int:
    """`indextts2 say`: the text as it stands, in one voice."""
    check_output(options.output)
    voice = Voice("speaker", read_audio(options.voice), options.boost)
    line = Line(0, voice.name, options.text, voice=voice, emotion=_emotion(options), speed=options.speed)
    timeline = _perform([line], options, silence_seconds=0.0)
    return _finish(timeline, options)


def talk(options: argparse.Namespace) -> int:
    """`indextts2 talk`: a script in any dialect, each speaker with a voice."""
    check_output(options.output)
    if options.picture:
        check_drawing()
        check_output(options.picture, ("png",))
    voices = _voices(options.voice, options.boost)
    lines = [
        replace(line, voice=voices[line.speaker], speed=line.speed * options.speed)
        for line in parse_script(_read_script(options.script), list(voices))
    ]
    timeline = _perform(lines, options, options.silence)
    if options.srt:
        write_text(options.srt, to_srt(timeline))
    if options.picture:
        write_bytes(options.picture, picture(timeline))
    if options.stems:
        for name, waveform in timeline.stems().items():
            write_audio(options.stems / f"{_file_name(name)}.wav", waveform, timeline.sample_rate)
    return _finish(timeline, options)


def load_pipeline(options: argparse.Namespace) -> Pipeline:
    """The pipeline that the machine's options ask for, from `--model-dir` or the usual places."""
    files = find_checkpoint(default_roots(options.model_dir))
    return Pipeline.load(files, load_options(options))


def load_options(options: argparse.Namespace) -> LoadOptions:
    """Half precision is the default on a GPU; everything else is as asked."""
    on_gpu = torch.cuda.is_available() and (options.device or "cuda").startswith("cuda")
    return LoadOptions(
        device=options.device,
        use_fp16=on_gpu if options.fp16 is None else options.fp16,
        use_accel=options.accel,
        use_torch_compile=options.compile,
        use_cuda_kernel=options.cuda_kernel,
        low_memory=options.low_memory,
        attention=options.attention,
    )


def speak_options(options: argparse.Namespace) -> SpeakOptions:
    """Raises `ConfigError` for a value out of its range."""
    given: dict[str, Any] = {field: getattr(options, name, None) for name, field in SPEAK_OPTIONS.items()}
    try:
        return SpeakOptions(**{field: value for field, value in given.items() if value is not None})
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _perform(lines: Sequence[Line], options: argparse.Namespace, silence_seconds: float) -> Timeline:
    settings = speak_options(options)
    pipeline = load_pipeline(options)
    console = terminal()
    with RunProgress(console) as progress:
        takes = list(pipeline.speak(seed_lines(lines, options.seed), settings, progress))
    console.print(pipeline.report().to_text())
    return assemble_timeline(takes, silence_seconds)


def _finish(timeline: Timeline, options: argparse.Namespace) -> int:
    write_audio(options.output, timeline.waveform, timeline.sample_rate)
    seconds = timeline.waveform.shape[-1] / timeline.sample_rate
    sys.stdout.write(f"{options.output}: {seconds:.2f} s, {timeline.sample_rate} Hz\n")
    return 0


def _emotion(options: argparse.Namespace) -> Emotion | None:
    if options.emotion_audio:
        return Emotion("audio", audio=read_audio(options.emotion_audio), alpha=options.emotion_alpha)
    if options.emotion_text:
        return Emotion("text", text=options.emotion_text, alpha=options.emotion_alpha)
    if not options.emotion:
        return None
    try:
        emotion = read_emotion(options.emotion)
    except ValueError as error:
        raise EmotionError(f"--emotion: {error}") from error
    if emotion is None:
        raise EmotionError(f"--emotion: got {options.emotion!r}, expected one of {emotion_names()}, or weights of them")
    return replace(emotion, alpha=options.emotion_alpha)


def _voices(given: Sequence[str], boost: bool) -> dict[str, Voice]:
    voices = {}
    for item in given:
        name, separator, file = item.partition("=")
        if not (name.strip() and separator and file.strip()):
            raise ScriptError(f"--voice: got {item!r}, expected NAME=FILE, such as Anna=anna.wav")
        voices[name.strip()] = Voice(name.strip(), read_audio(Path(file.strip()).expanduser()), boost)
    return voices


def _read_script(file: Path) -> str:
    """The script's text; "-" reads standard input."""
    if str(file) == "-":
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(f"{file}: cannot be read ({error}); expected a text file in UTF-8") from error


def _file_name(speaker: str) -> str:
    """A speaker's name as a file name: letters and digits of any script, the rest as "_"."""
    return "".join(letter if letter.isalnum() or letter in "-_ " else "_" for letter in speaker).strip() or "_"

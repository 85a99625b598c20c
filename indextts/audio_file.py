"""Recordings from files and results into files, for the command line.

C channels, N samples.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import soundfile
import torch
from torch import Tensor

from .errors import AudioError, OutputError
from .records import Audio

READ_SECONDS = 20.0
"""More than the part of a reference that is used, so that a long file costs no memory."""

FORMATS = ("wav", "flac", "ogg", "mp3")


def read_audio(file: Path) -> Audio:
    """The first 20 s of a recording. Raises `AudioError` where the file is missing or no audio that is known here."""
    try:
        with soundfile.SoundFile(file) as source:
            rate = source.samplerate
            samples = source.read(round(READ_SECONDS * rate), dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        why = "no such file" if not file.exists() else str(error)
        raise AudioError(
            f"{file}: cannot be read as audio ({why}); expected {', '.join(FORMATS)}, convert other formats first"
        ) from error
    return Audio(torch.from_numpy(samples).T.contiguous(), rate)


def check_output(file: Path, formats: Sequence[str] = FORMATS) -> None:
    """Raises `OutputError` where `file` could not be written. Asked before the work, not after."""
    if file.suffix.lower().removeprefix(".") not in formats:
        raise OutputError(f"{file}: got {file.suffix or 'no suffix'}, expected one of {', '.join(formats)}")
    with translate_output_errors(file):
        if file.is_dir():
            raise IsADirectoryError(f"{file} is a folder")
        with tempfile.TemporaryFile(dir=file.parent):
            pass


def write_audio(file: Path, waveform: Tensor, sample_rate: int) -> None:
    """Write float32 [1, N], whole or not at all: what lay there before survives a failure. Raises `OutputError`."""
    part = file.with_name(f".{os.getpid()}.{file.name}")
    try:
        with translate_output_errors(file):
            soundfile.write(part, waveform.squeeze(0).numpy(), sample_rate)
            os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def translate_output_errors(file: Path) -> Iterator[None]:
    """With the file's folder there, or an `OutputError` in place of whatever goes wrong."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        yield
    except (OSError, soundfile.SoundFileError) as error:
        raise OutputError(
            f"{file}: cannot be written ({error}); check the folder's rights and the free space"
        ) from error

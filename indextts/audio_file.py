"""Recordings from files and results into files, for the command line.

C channels, N samples.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import soundfile
import torch
from torch import Tensor

from .errors import AudioError, OutputError
from .file_names import why_no_file_name
from .records import Audio

READ_SECONDS = 60.0
"""More than the part of a reference that is used, for a silent start; a long file costs no memory."""

FORMATS = ("wav", "flac", "ogg", "mp3")
DECODED_FORMATS = ("m4a", "mp4", "aac", "webm", "mkv", "mov")
"""Read through PyAV where it is installed."""
CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,ac3,aiff,amr,asf,avi,caf,flac,flv,mp3,mpeg,mpegts,ogg,wav,w64,wv,ape,tta"
)
"""What FFmpeg may take a file for: sound and video. A playlist would have it read other files and addresses."""


def read_audio(file: Path) -> Audio:
    """The first 60 s of a recording, also of a video's sound track.

    Raises `AudioError` where the file is missing or holds no audio that can be read here.
    """
    if not os.path.isfile(file):  # of no name at all and of pipes, too
        raise AudioError(f"{str(file)[:200]}: cannot be read as audio (no such file)")
    try:
        with soundfile.SoundFile(_native_name(file)) as source:
            rate = source.samplerate
            samples = source.read(round(READ_SECONDS * rate), dtype="float32", always_2d=True)
    except (OSError, ValueError, TypeError, soundfile.SoundFileError) as error:  # of its wrapper, for odd names
        return _decode_audio(file, str(error))
    return Audio(torch.from_numpy(samples).T.contiguous(), rate)


def _decode_audio(file: Path, refusal: str) -> Audio:
    """The same through PyAV. refusal: why soundfile cannot read the file."""
    if find_spec("av") is None:
        raise AudioError(
            f"{file}: cannot be read as audio ({refusal}); expected {', '.join(FORMATS)}. For "
            f"{', '.join(DECODED_FORMATS)} install PyAV: pip install av"
        )
    av = import_module("av")
    try:
        # "file:", for a name may begin as an address does.
        with av.open(
            f"file:{file}", options={"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
        ) as container:
            return _read_sound_track(av, container, file)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise AudioError(
            f"{file}: cannot be read as audio ({error}); expected {', '.join(FORMATS + DECODED_FORMATS)}"
        ) from error


def _read_sound_track(av: Any, container: Any, file: Path) -> Audio:
    if not container.streams.audio:
        raise AudioError(f"{file}: has no sound track; give a recording of one speaker")
    stream = container.streams.audio[0]
    resampler, blocks, count = av.AudioResampler(format="fltp"), [], 0
    for frame in chain(container.decode(stream), [None]):
        for block in resampler.resample(frame):
            blocks.append(torch.from_numpy(block.to_ndarray()))
            count += block.samples
        if count >= READ_SECONDS * stream.rate:
            break
    if not count:
        raise AudioError(f"{file}: its sound track is empty; give a recording of one speaker")
    return Audio(torch.cat(blocks, dim=1)[:, : round(READ_SECONDS * stream.rate)].contiguous(), stream.rate)


def check_output(file: Path, formats: Sequence[str] | None = FORMATS) -> None:
    """Raises `OutputError` where `file` could not be written. Asked before the work, not after.

    formats: what its suffix may be; None for any.
    """
    if formats is not None and file.suffix.lower().removeprefix(".") not in formats:
        raise OutputError(f"{file}: got {file.suffix or 'no suffix'}, expected one of {', '.join(formats)}")
    _check_names(file)
    with translate_output_errors(file):
        if file.is_dir():
            raise IsADirectoryError(f"{file} is a folder")
        with suppress(FileNotFoundError):
            file.stat()  # fails for a link that leads in a circle
        with tempfile.TemporaryFile(dir=file.parent):
            pass


def check_output_folder(folder: Path) -> None:
    """The same for a folder that files are to be written to; it is made."""
    check_output(folder / "file", None)


def _check_names(file: Path) -> None:
    for name in file.parts[bool(file.anchor) :]:
        if name not in ("..", ".") and (reason := why_no_file_name(name)):
            raise OutputError(f"{file}: cannot be written ({reason}); choose another name")


def _native_name(file: Path) -> str | bytes:
    """The name as the system has it: on Linux it need not be UTF-8, and libsndfile's wrapper encodes texts strictly."""
    return str(file) if os.name == "nt" else os.fsencode(file)


def write_audio(file: Path, waveform: Tensor, sample_rate: int) -> None:
    """Write float32 [1, N], whole or not at all: what lay there before survives a failure. Raises `OutputError`."""
    part = file.with_name(f".{os.getpid()}.{file.name}")
    try:
        with translate_output_errors(file):
            soundfile.write(_native_name(part), waveform.squeeze(0).numpy(), sample_rate)
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

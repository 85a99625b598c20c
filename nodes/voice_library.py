"""The voice library: recordings in a folder of ComfyUI's user, by name."""

from pathlib import Path
from typing import Any

import folder_paths
import torch

from ..indextts.audio_file import FORMATS, read_audio, write_audio
from ..indextts.errors import AudioError
from ..indextts.file_names import why_no_file_name
from .audio import audio_from, audio_to

KEPT_SECONDS = 30.0
"""More than is used of a reference."""
LONGEST_NAME = 80


def library_folder() -> Path:
    return Path(folder_paths.get_user_directory()) / "default" / "indextts2" / "voices"


def list_voices() -> list[str]:
    """Names of the voices that are there, in order."""
    folder = library_folder()
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted(file.stem for file in files if file.suffix.lower().removeprefix(".") in FORMATS and file.is_file())


def voice_file(name: str) -> Path:
    """The recording of a voice. Raises `AudioError` where there is none of that name."""
    check_name(name)
    found = [library_folder() / f"{name}.{suffix}" for suffix in FORMATS]
    file = next((file for file in found if file.is_file()), None)
    if file is None:
        known = ", ".join(list_voices()) or "it is empty"
        raise AudioError(f"library: got {name!r}, which is not in the voice library; there: {known}")
    return file


def read_voice(name: str) -> dict[str, Any]:
    """AUDIO of a voice."""
    recording = read_audio(voice_file(name))
    return audio_to(recording.samples, recording.sample_rate)


def save_voice(name: str, recording: Any) -> Path:
    """Keep AUDIO under `name`. What is there already stays as it is; another recording of the same name is refused."""
    check_name(name)
    name = name.strip()
    audio = audio_from(recording, "audio")
    samples = audio.samples.mean(dim=0, keepdim=True)[:, : round(KEPT_SECONDS * audio.sample_rate)].clamp(-1, 1)
    file = library_folder() / f"{name}.flac"
    if name in list_voices():
        kept = read_audio(voice_file(name))
        if kept.sample_rate == audio.sample_rate and _is_same(kept.samples, samples):
            return voice_file(name)
        raise AudioError(f"name: the voice library has another {name!r}; choose another name, or delete {file}")
    write_audio(file, samples, audio.sample_rate)
    return file


def _is_same(kept: torch.Tensor, samples: torch.Tensor) -> bool:
    """Equal but for the rounding to the file's 16 bits."""
    return kept.shape == samples.shape and bool(torch.allclose(kept, samples, atol=2**-14))


def check_name(name: str) -> None:
    """Raises `AudioError` for a name that is no file name everywhere."""
    plain = name.strip()
    if not plain:
        raise AudioError("name: got nothing; a voice that is kept needs a name")
    if len(plain.encode("utf-8", "replace")) > LONGEST_NAME or plain[0] == "." or why_no_file_name(plain, True):
        raise AudioError(
            f"name: got {plain[:LONGEST_NAME]!r}, expected a name of up to {LONGEST_NAME} bytes without "
            '< > : " / \\ | ? * that no system reserves'
        )

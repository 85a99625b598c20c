"""A small model and two voices on disk, as the command line takes them."""

from pathlib import Path

import pytest
import soundfile
from helpers.released_folder import write_released_folder
from helpers.tones import tone


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_released_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def voice_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("voices")
    files = {name: folder / f"{name}.wav" for name in ("Ann", "Bob")}
    for file, hz in zip(files.values(), (220.0, 110.0), strict=True):
        soundfile.write(file, tone(hz).squeeze(0).numpy(), 16000)
    return files

"""Finished takes on disk while a run goes on: a book's takes need no more RAM than a line's.

Dimensions: N samples.
"""

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import torch
from torch import Tensor

from .errors import OutputError
from .records import Take


class TakeSpool:
    """Waveforms as files that the system maps: what is looked at is in RAM, the rest is on disk. A context manager.

    The files are gone at the end; whatever still refers to them then is void.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """folder: where the files lie for the time; None is the system's for temporary files."""
        self._parent, self._folder = folder, Path()
        self._count = 0

    def __enter__(self) -> "TakeSpool":
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="indextts2-spool-", dir=self._parent))
        except OSError as error:
            raise OutputError(f"no folder for the takes of this run ({error}); set TMPDIR to one with room") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def keep(self, take: Take) -> Take:
        """The same take, its waveform on disk. Raises `OutputError` where there is no room."""
        mapped = self.zeros(take.waveform.shape[-1])
        mapped.copy_(take.waveform)
        return replace(take, waveform=mapped)

    def zeros(self, samples: int) -> Tensor:
        """float32 [1, N] of silence on disk."""
        file = self._folder / f"{self._count}.f32"
        self._count += 1
        try:
            with file.open("wb") as opened:
                _reserve(opened.fileno(), 4 * samples)
        except OSError as error:
            raise OutputError(f"{file}: cannot be written ({error}); set TMPDIR to a folder with more room") from error
        return torch.from_file(str(file), shared=True, size=samples, dtype=torch.float32)[None]


def _reserve(file: int, size: int) -> None:
    """Take the room now, where the system can: a full disk is an error here, and would be a crash in mapped memory."""
    if hasattr(os, "posix_fallocate") and size:
        os.posix_fallocate(file, 0, size)
    else:
        os.truncate(file, size)

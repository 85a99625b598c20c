"""Finished takes on disk, bounded: they outlive the server, and `/free` may drop those in RAM."""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Hashable
from pathlib import Path

import folder_paths
import safetensors
from safetensors.torch import load_file, save

from ..indextts.records import Line, Take

log = logging.getLogger(__name__)

MAX_BYTES = 512 * 2**20
VERSION = "1"
SUFFIX = ".safetensors"
WAVEFORM, CODES = "waveform", "codes_{}"


class TakeStore:
    """Takes as safetensors in one folder, the least recently used leaving first.

    What cannot be written or read is a take less and a line in the log, never an error: the take in RAM counts.
    """

    def __init__(self, folder: Path | None = None, max_bytes: int = MAX_BYTES) -> None:
        self._folder, self._max_bytes = folder, max_bytes

    @property
    def folder(self) -> Path:
        user = Path(folder_paths.get_user_directory())
        return self._folder or user / "default" / "indextts2" / "takes"

    def get(self, key: Hashable, line: Line) -> Take | None:
        """The take kept under `key`, as a take of `line`; None where there is none."""
        file = self._file(key)
        if not file.is_file():
            return None
        try:
            with safetensors.safe_open(file, framework="pt") as opened:
                said = json.loads(opened.metadata()["take"])
            tensors = load_file(file)
            codes = tuple(tensors[CODES.format(number)] for number in range(said["segments"]))
            take = Take(
                line,
                tensors[WAVEFORM],
                codes,
                said["sample_rate"],
                tuple(said["notes"]),
                tuple(said["changes"]),
                said["spoken"],
            )
        except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
            log.warning("the take in %s cannot be read (%s); the line is spoken again", file, error)
            self._remove(file)
            return None
        with contextlib.suppress(OSError):
            os.utime(file)
        return take

    def put(self, key: Hashable, take: Take) -> bool:
        """Keep a take; whether it is on disk now."""
        said = {
            "segments": len(take.codes),
            "sample_rate": take.sample_rate,
            "notes": take.notes,
            "changes": take.changes,
            "spoken": take.spoken,
        }
        tensors = {CODES.format(number): codes.contiguous() for number, codes in enumerate(take.codes)}
        tensors[WAVEFORM] = take.waveform.contiguous()
        try:
            self._write(self._file(key), save(tensors, {"take": json.dumps(said)}))
            self._drop_oldest()
        except OSError as error:
            log.warning("a take cannot be kept in %s (%s); it stays in RAM", self.folder, error)
            return False
        return True

    def _file(self, key: Hashable) -> Path:
        digest = hashlib.sha256(f"{VERSION} {key!r}".encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / f"{digest[:40]}{SUFFIX}"

    def _write(self, file: Path, data: bytes) -> None:
        """A file that is there as a whole or not at all."""
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part")
        try:
            part.write_bytes(data)
            part.replace(file)
        finally:
            self._remove(part)

    def _drop_oldest(self) -> None:
        found = [(file, file.stat()) for file in self.folder.glob(f"*{SUFFIX}")]
        held = sum(status.st_size for _, status in found)
        for file, status in sorted(found, key=lambda each: each[1].st_mtime_ns)[:-1]:
            if held <= self._max_bytes:
                return
            held -= status.st_size
            self._remove(file)

    def _remove(self, file: Path) -> None:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


take_store = TakeStore()

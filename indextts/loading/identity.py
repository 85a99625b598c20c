"""Which weights a file holds, told without reading all of it: for what is worked out once for a checkpoint and kept."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain
from pathlib import Path

WHOLE_BYTES = 16 * 2**20
"""Files up to this size are read whole."""
END_BYTES = 2**20
BLOCK_BYTES, BLOCKS = 4096, 64
KEPT_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".json", ".yaml")


def weights_identity(files: Iterable[Path]) -> str:
    """A hash of the files' contents, the same wherever they lie, whatever they are called and whenever they came there.

    Of a large file: its size, its first and last MiB, where safetensors name their tensors and a .pth has the checksums
    of its own, and 64 blocks in between. Raises OSError where a file cannot be read.
    """
    known = [_file_identity(file, (status := file.stat()).st_size, status.st_mtime_ns) for file in files]
    return hashlib.sha256("|".join(known).encode()).hexdigest()[:32]


def files_stamp(files: Iterable[Path]) -> str:
    """A hash that changes with any of the files' paths, sizes, times of change and contents, as `weights_identity` has
    them; of a folder, with those of the weights and settings in it. What cannot be read counts as not there.
    """
    parts = []
    for file in chain.from_iterable(map(_weights_in, files)):
        try:
            status = file.stat()
            parts.append(f"{file} {status.st_mtime_ns} {_file_identity(file, status.st_size, status.st_mtime_ns)}")
        except OSError:
            parts.append(f"{file} is gone")
    return hashlib.sha256("|".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _weights_in(path: Path) -> Iterable[Path]:
    return sorted(each for each in path.iterdir() if each.suffix in KEPT_SUFFIXES) if path.is_dir() else [path]


@lru_cache(64)
def _file_identity(file: Path, size: int, mtime_ns: int) -> str:
    digest = hashlib.sha256(str(size).encode())
    with file.open("rb") as opened:
        if size <= WHOLE_BYTES:
            digest.update(opened.read(WHOLE_BYTES))
            return digest.hexdigest()
        digest.update(opened.read(END_BYTES))
        between = size - 2 * END_BYTES
        for block in range(BLOCKS):
            opened.seek(END_BYTES + between * block // BLOCKS)
            digest.update(opened.read(BLOCK_BYTES))
        opened.seek(size - END_BYTES)
        digest.update(opened.read(END_BYTES))
    return digest.hexdigest()

"""Which weights a file holds, told without reading all of it: for what is worked out once for a checkpoint and kept."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

WHOLE_BYTES = 16 * 2**20
"""Files up to this size are read whole."""
END_BYTES = 2**20
BLOCK_BYTES, BLOCKS = 4096, 64


def weights_identity(files: Iterable[Path]) -> str:
    """A hash of the files' contents, the same wherever they lie, whatever they are called and whenever they came there.

    Of a large file: its size, its first and last MiB, where safetensors name their tensors and a .pth has the checksums
    of its own, and 64 blocks in between. Raises OSError where a file cannot be read.
    """
    known = [_file_identity(file, (status := file.stat()).st_size, status.st_mtime_ns) for file in files]
    return hashlib.sha256("|".join(known).encode()).hexdigest()[:32]


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

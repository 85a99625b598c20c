"""Where what was worked out for this machine waits for the next start."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """`INDEXTTS2_CACHE`, or the user's own; it may not be there yet."""
    return Path(os.environ.get("INDEXTTS2_CACHE", Path.home() / ".cache" / "indextts2"))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)

"""Paths whose names somebody else wrote: a hub, a configuration file. They lead into their folder and nowhere else."""

from pathlib import Path

from ..errors import CheckpointError

_FORBIDDEN = frozenset('\\:*?"<>|')
"""What separates, names drives or streams, or is no part of a name on Windows."""

MAX_NAME_BYTES = 255
"""What common file systems take as the name of one file."""


def join_inside(folder: Path, name: str) -> Path:
    """`folder / name`, where `name` is a plain relative path with "/" between its parts.

    Raises `CheckpointError` for "..", an absolute path, a drive, a backslash, a control character, an overlong name,
    and where a link on the way leads out of `folder`.
    """
    parts = name.split("/")
    plain = all(part and set(part) - {"."} and len(part.encode(errors="replace")) <= MAX_NAME_BYTES for part in parts)
    if not plain or set(name) & _FORBIDDEN or not name.isprintable():
        raise CheckpointError(f"got {name[:80]!r} as the name of a file in {folder}, expected a plain relative path")
    path = folder / name
    if not _is_inside(path.parent, folder):
        raise CheckpointError(f"{path}: a link leads out of {folder}, or in a circle; replace the link by a folder")
    return path


def _is_inside(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links in a circle: before Python 3.13 a RuntimeError
        return False

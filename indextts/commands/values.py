"""What the options' values may be. argparse names the option, and nothing has been loaded yet."""

import argparse
import math
import re
from collections.abc import Callable
from pathlib import Path

_DEVICE = re.compile(r"cuda(:\d{1,3})?|mps|cpu")


def number(least: float, most: float) -> Callable[[str], float]:
    """A type for argparse: a number from `least` to `most`."""

    def read_number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"got {text[:40]!r}, expected a number from {least:g} to {most:g}")
        return value

    return read_number


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """The same for whole numbers."""

    def read_whole_number(text: str) -> int:
        plain = text.strip()
        value = int(plain) if len(plain) < 40 and re.fullmatch(r"[+-]?[0-9]+", plain) else None
        if value is None or not least <= value <= most:
            raise argparse.ArgumentTypeError(f"got {text[:40]!r}, expected a whole number from {least} to {most}")
        return value

    return read_whole_number


def device(text: str) -> str:
    """The name of a device that the pack runs on; whether this machine has it is asked later."""
    if not _DEVICE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"got {text[:40]!r}, expected cuda, cuda:N, mps or cpu")
    return text


def path(text: str) -> Path:
    """A file or folder; one that nobody named is none."""
    if not text.strip() or "\0" in text:
        raise argparse.ArgumentTypeError(f"got {text[:40]!r}, expected the name of a file or folder")
    return expand_path(text)


def expand_path(text: str) -> Path:
    """`text` as a path, a user's home in place of "~"; where nobody is called that, as it stands."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)

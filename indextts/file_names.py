"""Names of files that can be written, here and on the other systems, and how many of them a run needs."""

import os
import re
from collections.abc import Iterable

LONGEST = 255
"""Bytes of one name, on every common file system."""

_NOWHERE = re.compile(r"[\x00-\x1f\x7f:/]")
"""Ends or divides a name, names a drive, or a stream of another file."""
_NOT_ON_WINDOWS = re.compile(r'[<>"|?*\\]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)")


def why_no_file_name(name: str, on_windows: bool = os.name == "nt") -> str | None:
    """What is wrong with the name of one file or folder; None where nothing is.

    on_windows: also for signs that other systems allow. Devices' names (CON, nul.wav) are refused everywhere.
    """
    if not name.strip():
        return "it is empty"
    try:  # bytes that are no UTF-8 can be in names of Linux, and come as lone surrogates
        size = len(name.encode("utf-8", "strict" if on_windows else "surrogateescape"))
    except UnicodeEncodeError:
        return "it holds half a character"
    if size > LONGEST:
        return f"its name has {size} bytes, expected at most {LONGEST}"
    if sign := _NOWHERE.search(name) or (on_windows and _NOT_ON_WINDOWS.search(name)):
        return f"{sign[0]!r} cannot be in a name"
    if _RESERVED.match(name):
        return "Windows keeps that name for a device"
    return "a name cannot end in a space or a dot" if name[-1] in " ." else None


def make_file_name(text: str) -> str:
    """`text` as a file's name: letters and digits of any script, the rest as "_"."""
    return "".join(letter if letter.isalnum() or letter in "-_ " else "_" for letter in text).strip() or "_"


def find_equal(names: Iterable[str]) -> tuple[str, str] | None:
    """Two of `names` that give one file: their `make_file_name`s differ in case alone, or not at all."""
    seen: dict[str, str] = {}
    for name in dict.fromkeys(names):
        other = seen.setdefault(make_file_name(name).casefold(), name)
        if other != name:
            return other, name
    return None

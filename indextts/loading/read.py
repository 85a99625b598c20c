"""Reads weight files without running what is in them: pickles by `weights_only`, safetensors as they are.

Tensors stay mapped to the file where its format allows, so that only what a module takes is ever read into memory.
"""

import pickle
import re
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import IO, Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..errors import CheckpointError
from .pickle_scan import PickleContents, ScanError, scan_pickles

StateDict = dict[str, torch.Tensor]

MAX_ENTRIES, MAX_DEPTH = 200_000, 40
"""Of the dicts of a file, one within the other; a model has some thousand tensors, three or four dicts deep."""

ZIP_MAGIC = b"PK\x03\x04"
LFS_POINTER = b"version https://git-lfs"


def read_weights(file: Path) -> Any:
    """What the file holds, tensors on the CPU: a tensor, or nested dicts of them.

    Raises `CheckpointError` naming the file where it is damaged, is no weight file, or holds pickled code.
    """
    try:
        with file.open("rb") as handle:
            start = handle.read(64)
    except OSError as error:
        raise CheckpointError(f"{file}: cannot be opened ({error.strerror or error}); check the path") from error
    if start.startswith(LFS_POINTER):
        raise _damaged_error(file, "it is a Git LFS pointer, not the weights")
    return _read_safetensors(file) if file.suffix == ".safetensors" else _read_pickle(file, start)


def read_state_dict(file: Path, *keys: str) -> StateDict:
    """A flat state dict. It may lie under one of `keys`, and its names may start with "module."."""
    data = read_weights(file)
    for key in keys:
        if isinstance(data, Mapping) and isinstance(data.get(key), Mapping):
            data = data[key]
    return flatten_state_dict(data, file)


def flatten_state_dict(data: Any, file: Path) -> StateDict:
    """Nested dicts of tensors as one flat dict with dotted names, what parallel training put in them removed."""
    if not isinstance(data, Mapping):
        raise CheckpointError(f"{file}: got {type(data).__name__}, expected a dict of named tensors; download it again")
    state: StateDict = {}
    for count, (path, value) in enumerate(_walk_dicts(data)):
        if count == MAX_ENTRIES or len(path) > MAX_DEPTH:
            raise _damaged_error(file, "its dicts hold one another, or each the next one many times")
        if isinstance(value, torch.Tensor):
            state[".".join(_plain_name(str(name)) for name in path)] = value
    return state


def _plain_name(name: str) -> str:
    return name.replace("_fsdp_wrapped_module.", "").removeprefix("module.")


def _walk_dicts(data: Mapping[Any, Any], path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Each value with the names that lead to it; a dict comes before what is in it. Names are texts and numbers."""
    for name, value in data.items():
        if isinstance(name, str | int):
            yield (*path, name), value
            if isinstance(value, Mapping):
                yield from _walk_dicts(value, (*path, name))


def _read_safetensors(file: Path) -> StateDict:
    try:
        return load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged_error(file, str(error)) from error


def _read_pickle(file: Path, start: bytes) -> Any:
    try:
        zipped = zipfile.is_zipfile(file)
        if start.startswith(ZIP_MAGIC) and not zipped:
            raise ScanError("its end is missing")
        contents = _scan_archive(file) if zipped else _scan_legacy_file(file)
    except Exception as error:  # archives and pickles fail in as many ways as they can be damaged
        raise _damaged_error(file, str(error) or type(error).__name__) from error
    if contents.code:
        raise _code_error(file, contents.code[0])
    if not (zipped or contents.is_legacy):
        raise _damaged_error(file, "torch did not write it")
    declared = sum(contents.storages.values())
    if declared > file.stat().st_size:
        raise _damaged_error(file, f"it declares values of {declared} bytes")
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as error:
        if refused := _refused_code(error):
            raise _code_error(file, refused) from error
        raise _damaged_error(file, "torch finds no tensors in its pickle") from error
    except Exception as error:  # of the many ways to fail on bytes that are no weights, each means the same
        raise _damaged_error(file, str(error).splitlines()[0] if str(error) else type(error).__name__) from error


def _scan_archive(file: Path) -> PickleContents:
    """What the pickle in a zip archive declares, once the archive itself holds no more than is there to see."""
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        names = [entry.filename.lower() for entry in entries]
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ScanError(f"its archive is compressed, to {sum(entry.file_size for entry in entries)} bytes unpacked")
        if len({*names}) < len(names) or len({name.split("/")[0] for name in names}) > 1:
            raise ScanError("its archive holds a name twice, or more than one folder")
        if sum(entry.file_size for entry in entries) > file.stat().st_size:
            raise ScanError("its archive declares more bytes than it has")
        pickles = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ScanError("its archive holds no data.pkl")
        return scan_pickles(BytesIO(archive.read(pickles[0])))


def _scan_legacy_file(file: Path) -> PickleContents:
    with file.open("rb") as opened, mmap(opened.fileno(), 0, access=ACCESS_READ) as data:
        return scan_pickles(cast(IO[bytes], data))


def _refused_code(error: pickle.UnpicklingError) -> str | None:
    """The name torch refused to import or call, where that is why it stopped."""
    match = re.search(r"GLOBAL (\S+)|unrecognized function (.+?)(?: which|$)|but got (.+)", str(error), re.MULTILINE)
    return next(filter(None, match.groups())) if match else None


def _code_error(file: Path, code: str) -> CheckpointError:
    return CheckpointError(
        f"{file}: got pickled code ({code}), expected tensors alone. It was not run; delete the file and download it "
        "from its publisher"
    )


def _damaged_error(file: Path, reason: str) -> CheckpointError:
    size = file.stat().st_size
    return CheckpointError(
        f"{file}: got {size} bytes that are no complete weight file ({reason.rstrip('.')}); "
        "delete it and run `indextts2 fetch` to download it again"
    )

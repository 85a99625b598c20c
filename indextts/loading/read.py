"""Reads weight files without running what is in them: pickles by `weights_only`, safetensors as they are.

Tensors stay mapped to the file where its format allows, so that only what a module takes is ever read into memory.
"""

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..errors import CheckpointError

StateDict = dict[str, torch.Tensor]

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
    """Nested dicts of tensors as one flat dict with dotted names, each "module." left by data parallelism removed."""
    if not isinstance(data, Mapping):
        raise CheckpointError(f"{file}: got {type(data).__name__}, expected a dict of named tensors; download it again")
    state: StateDict = {}
    for name, value in data.items():
        plain = str(name).removeprefix("module.")
        if isinstance(value, torch.Tensor):
            state[plain] = value
        elif isinstance(value, Mapping):
            state |= {f"{plain}.{inner}": tensor for inner, tensor in flatten_state_dict(value, file).items()}
    return state


def _read_safetensors(file: Path) -> StateDict:
    try:
        return load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged_error(file, str(error)) from error


def _read_pickle(file: Path, start: bytes) -> Any:
    zipped = zipfile.is_zipfile(file)
    if start.startswith(ZIP_MAGIC) and not zipped:
        raise _damaged_error(file, "its end is missing")
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as error:
        if refused := _refused_code(error):
            raise CheckpointError(
                f"{file}: got pickled code ({refused}), expected tensors alone. It was not run; "
                "delete the file and download it from its publisher"
            ) from error
        raise _damaged_error(file, str(error).splitlines()[0]) from error
    except Exception as error:  # of the many ways to fail on bytes that are no weights, each means the same
        raise _damaged_error(file, str(error).splitlines()[0] if str(error) else type(error).__name__) from error


def _refused_code(error: pickle.UnpicklingError) -> str | None:
    """The name torch refused to import or call, where that is why it stopped."""
    match = re.search(r"GLOBAL (\S+)|unrecognized function (.+?)(?: which|$)|but got (.+)", str(error), re.MULTILINE)
    return next(filter(None, match.groups())) if match else None


def _damaged_error(file: Path, reason: str) -> CheckpointError:
    size = file.stat().st_size
    return CheckpointError(
        f"{file}: got {size} bytes that are no complete weight file ({reason.rstrip('.')}); "
        "delete it and run `indextts2 fetch` to download it again"
    )

"""Strict loading: a module is built on `meta`, then gets its tensors, a few at a time. Nothing else is held twice."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from ..errors import CheckpointError
from .read import StateDict
from .sound_values import check_finite, check_storages, probe_values

logger = logging.getLogger(__name__)

SIDE_BY_SIDE = 4
"""Tensors that are read, converted and copied at once: each waits for disk, memory and bus in turn."""

SHOWN = 6
"""How many wrong tensors an error names before it only counts them."""

REMEDY = "the file belongs to another model or version than its config.yaml: run `indextts2 fetch` into a new folder"

AnyModule = TypeVar("AnyModule", bound=nn.Module)
RenameWeights = Callable[[StateDict], StateDict]


def load_strict(
    build: Callable[[], AnyModule],
    state: StateDict,
    *,
    file: Path,
    ignored: Sequence[str] = (),
    rename: RenameWeights | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    on_share: Callable[[float], None] = lambda share: None,
) -> AnyModule:
    """Build a module and give it the tensors of `state`, which is emptied on the way.

    `ignored` are patterns of released names that inference never uses; they are skipped and logged. Names that nobody
    here knows are skipped, too, with one warning. Floating-point tensors become `dtype`. Raises `CheckpointError`
    naming file, tensor, got and expected for every name that is missing or of another shape, and for values that are
    no numbers. The module comes in eval mode, without gradients. on_share: called after each tensor with the share of
    them that is there; may raise to cancel.
    """
    module = _build_on_meta(build, file)
    _skip_ignored(state, ignored, file)
    check_storages(state, file)
    tensors = _rename_tensors(state, rename, file)
    state.clear()
    expected = module.state_dict()
    _skip_unknown(tensors, expected, file)
    _check_tensors(tensors, expected, file)
    converted, probes = {}, {}
    for name, tensor, probe in _convert_side_by_side(expected, tensors, torch.device(device), dtype):
        converted[name] = tensor
        if probe is not None:
            probes[name] = probe
        on_share(len(converted) / len(expected))
    check_finite(converted, probes, file)
    module.load_state_dict(converted, strict=True, assign=True)
    if torch.device(device).type != "meta":  # the doctor only asks whether a file fits
        _check_nothing_left_on_meta(module)
    return module.requires_grad_(False).eval()


def _build_on_meta(build: Callable[[], AnyModule], file: Path) -> AnyModule:
    """The module without weights. Raises `CheckpointError` where the sizes in its configuration fit no module."""
    try:
        with torch.device("meta"), SkipInit():
            return build()
    except (ArithmeticError, AssertionError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(
            f"{file}: the sizes in its configuration do not fit together ({reason}); {REMEDY}"
        ) from error


class SkipInit(TorchFunctionMode):
    """While it is entered, nobody draws first values for parameters, which on `meta` are none anyway.

    There torch draws in Python and imports its compiler for it, two seconds of a new process.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__ and (args or "tensor" in given):
            return args[0] if args else given["tensor"]
        return func(*args, **given)


def _skip_ignored(state: StateDict, ignored: Sequence[str], file: Path) -> None:
    skipped = {pattern: [name for name in state if fnmatchcase(name, pattern)] for pattern in ignored}
    for names in skipped.values():
        for name in names:
            state.pop(name, None)
    if any(skipped.values()):
        counts = ", ".join(f"{len(names)} {pattern}" for pattern, names in skipped.items() if names)
        logger.info("%s: skipped tensors that inference does not use: %s", file.name, counts)


def _rename_tensors(state: StateDict, rename: RenameWeights | None, file: Path) -> StateDict:
    if rename is None:
        return dict(state)
    try:
        return rename(dict(state))
    except KeyError as error:
        raise CheckpointError(f"{file}: {error.args[0]}: missing; {REMEDY}") from error
    except RuntimeError as error:
        raise CheckpointError(f"{file}: got tensors that do not fit together ({error}); {REMEDY}") from error


def _skip_unknown(tensors: StateDict, expected: StateDict, file: Path) -> None:
    """A file from elsewhere may hold more than we know of; what we do not read changes nothing."""
    unknown = [name for name in tensors if name not in expected]
    for name in unknown:
        del tensors[name]
    if unknown:
        warn_unknown(unknown, file)


def warn_unknown(names: Sequence[str], file: Path) -> None:
    """One warning that names the tensors of a file which are not known here."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    shown = ", ".join(name[:100] for name in names[:SHOWN])
    logger.warning("%s: skipped %d tensors not known here: %s%s", file, len(names), shown, more)


def _check_tensors(tensors: StateDict, expected: StateDict, file: Path) -> None:
    problems = [f"{name}: missing, expected {_shape_text(t)}" for name, t in expected.items() if name not in tensors]
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            problems.append(f"{name}: got {_shape_text(tensor)}, expected {_shape_text(expected[name])}")
    if problems:
        more = f" (and {len(problems) - SHOWN} more)" if len(problems) > SHOWN else ""
        raise CheckpointError(f"{file}: {'; '.join(problems[:SHOWN])}{more}; {REMEDY}")


def _shape_text(tensor: torch.Tensor) -> str:
    return str(list(tensor.shape))


def _convert_side_by_side(
    names: Iterable[str], tensors: StateDict, device: torch.device, dtype: torch.dtype
) -> Iterator[tuple[str, torch.Tensor, torch.Tensor | None]]:
    """Each name, its tensor, converted, and that one's `probe_values`. `tensors` is emptied: a source goes as its copy
    comes, so that a mapped file and one copy are all there ever is."""
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", torch.cuda.current_device())  # of this thread; others have one of their own
    with ThreadPoolExecutor(SIDE_BY_SIDE, "load") as pool:
        jobs = [(name, pool.submit(_convert_tensor, tensors.pop(name), device, dtype)) for name in names]
        try:
            for name, job in jobs:
                yield name, *job.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _convert_tensor(
    tensor: torch.Tensor, device: torch.device, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor | None]:
    converted = tensor.detach().to(device=device, dtype=dtype if tensor.is_floating_point() else None).contiguous()
    return converted, probe_values(converted)


def _check_nothing_left_on_meta(module: nn.Module) -> None:
    left = [name for name, tensor in [*module.named_parameters(), *module.named_buffers()] if tensor.is_meta]
    assert not left, f"{type(module).__name__}: {left[:SHOWN]} got no value"

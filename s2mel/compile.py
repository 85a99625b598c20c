"""torch.compile on the estimator's stages: compiled once for all lengths and layers, kept on disk between starts."""

import hashlib
import inspect
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

import torch

from ..runtime.cache_folder import write_whole
from . import stages, torch_ops
from .estimator import Estimator
from .packing import pack_lines
from .stages import EstimatorStages
from .torch_ops import TORCH_OPS

log = logging.getLogger(__name__)

LENGTHS = {
    "embed_frames": ((0, 0), (1, 1)),
    "attention_input": ((1, 0), (2, 0), (3, 0)),
    "attention_output_and_mlp": ((1, 0), (2, 0)),
    "final_projection": ((0, 0), (1, 0), (3, 0)),
    "wavenet_residual": ((0, 0), (1, 0)),
    "velocity_head": ((0, 0),),
}
"""Every stage, and which dimension of which argument counts tokens or frames, hence is any number."""

TYPICAL_FRAMES = 1792
"""What the compiler is shown on a GPU: ten seconds of speech behind ten seconds of prompt."""


class CompiledStages(EstimatorStages):
    """Stages of plain operations, which the compiler fuses itself. kind: of the models that share this code."""

    def __init__(self, kind: str) -> None:
        super().__init__(TORCH_OPS)
        for name in LENGTHS:
            setattr(self, name, _mark_lengths_dynamic(_compile_stage(name, kind), LENGTHS[name]))


@cache
def _compile_stage(name: str, kind: str) -> Callable[..., Any]:
    """A stage for all models of one `kind` that this process loads, from code of its own.

    The compiler counts what it has made of a piece of code, and refuses after eight: a process that loads small and
    large models, whole and in half precision, would come to that.
    """
    function = getattr(EstimatorStages, name)
    own = FunctionType(function.__code__.replace(), function.__globals__, name)
    return torch.compile(MethodType(own, EstimatorStages(TORCH_OPS)), fullgraph=True)


def _mark_lengths_dynamic(stage: Callable[..., Any], lengths: tuple[tuple[int, int], ...]) -> Callable[..., Any]:
    def call_stage(*arguments: Any) -> Any:
        for index, dimension in lengths:
            if arguments[index] is not None:
                torch._dynamo.mark_dynamic(arguments[index], dimension)
        return stage(*arguments)

    return call_stage


def compile_stages(estimator: Estimator, cache_folder: Path | None) -> EstimatorStages:
    """Compiled stages, tried once on random tokens. Raises whatever the compiler raises.

    cache_folder: where compiled code is kept for the next start; None leaves it to the compiler's own cache.
    """
    log.info("Compiling CFM model with torch.compile")
    kind = _code_key(estimator)
    artifacts = None if cache_folder is None else cache_folder / f"flow-{kind}.bin"
    known = artifacts is not None and _load_artifacts(artifacts)
    compiled = CompiledStages(kind)
    with _compile_in_this_process():
        _run_once(estimator, compiled)
    if artifacts is not None and not known:
        _save_artifacts(artifacts)
    log.info("CFM model compiled successfully")
    return compiled


def _compile_in_this_process() -> AbstractContextManager[None]:
    """Where a handful of kernels belongs: a pool of processes would keep every core busy for seconds afterwards."""
    from torch._inductor import config  # takes over a second, so not before something is compiled

    return config.patch(compile_threads=1)


@torch.inference_mode()
def _run_once(estimator: Estimator, compiled: CompiledStages) -> None:
    """Once with guidance and once without: a stage's code may differ for one branch."""
    device, config = estimator.device, estimator.config
    frames = TYPICAL_FRAMES if device.type == "cuda" else 64
    for branches in (2, 1):
        packing = pack_lines([frames], branches, device)
        x = torch.rand(frames, estimator.bands, device=device)
        constants = torch.rand(branches, frames, config.dit.hidden_dim, device=device)
        estimator(x, constants, estimator.step_tables([0.0])[0], packing, compiled)


def _code_key(estimator: Estimator) -> str:
    """Of all that compiled code depends on."""
    device = estimator.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    code = "".join(inspect.getsource(module) for module in (stages, torch_ops))
    known = (torch.__version__, name, str(estimator.dtype), estimator.config.model_dump_json(), code)
    return hashlib.sha256("|".join(known).encode()).hexdigest()[:16]


def _load_artifacts(path: Path) -> bool:
    """Give the compiler what an earlier start left. A damaged file only means compiling anew."""
    if not path.is_file():
        return False
    if torch.compiler.load_cache_artifacts(path.read_bytes()) is None:
        log.warning("%s: cannot be used as compiled code; compiling anew", path)
        return False
    return True


def _save_artifacts(path: Path) -> None:
    saved = torch.compiler.save_cache_artifacts()
    if saved is None:
        return
    write_whole(path, saved[0])

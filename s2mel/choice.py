"""How the estimator runs on a device: which operations, compiled or not, launched one by one or as graphs.

Chosen once for a device and dtype; every choice says why.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from ..runtime.cuda_graphs import weights_address_key
from ..runtime.device_capability import HEAD_WIDTHS, first_line, why_no_triton
from .compile import compile_stages
from .compile_gain import why_not_compile
from .estimator import Estimator
from .ops import EstimatorOps
from .runners import EagerFlowRunner, GraphFlowRunner
from .stages import EstimatorStages
from .torch_ops import TORCH_OPS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CompileRequest:
    """That torch.compile is wanted, and where its code is kept between starts (None: the compiler's own place)."""

    cache_folder: Path | None = None


@dataclass(frozen=True, eq=False)
class FlowChoice:
    """What runs. plain: what runs without graphs. compile_state: "off", "compiled", or "not used: " or "failed: " and
    why. weights_key: for which."""

    runner: EagerFlowRunner | GraphFlowRunner
    plain: EagerFlowRunner
    ops: EstimatorOps
    reason: str
    compile_state: str
    weights_key: int

    @property
    def description(self) -> str:
        return f"flow: {self.ops.name}, {self.runner.name} ({self.reason}); torch.compile {self.compile_state}"


def choose_flow(estimator: Estimator, request: CompileRequest | None) -> FlowChoice:
    """The fastest way this device and dtype have, compiled where asked, possible and worth it."""
    device, dtype = estimator.device, estimator.dtype
    ops, reason = choose_ops(device, dtype, estimator.head_width)
    stages, state = EstimatorStages(ops), "off"
    if request is not None:
        why_not = why_not_compile(device, dtype, ops is not TORCH_OPS)
        stages, state = (stages, f"not used: {why_not}") if why_not else _compile_or_warn(estimator, stages, request)
    # Only kernels read line bounds from tables: a graph of plain torch would keep those it was captured with.
    plain = EagerFlowRunner(estimator, stages)
    runner = plain if stages.ops is TORCH_OPS else GraphFlowRunner(estimator, stages)
    choice = FlowChoice(runner, plain, stages.ops, reason, state, weights_address_key(estimator))
    log.info(choice.description)
    return choice


def choose_ops(device: torch.device, dtype: torch.dtype, head_width: int) -> tuple[EstimatorOps, str]:
    """The operations to use, and why."""
    if device.type != "cuda":
        return TORCH_OPS, f"on {device.type}"
    if dtype is torch.float32:
        return TORCH_OPS, "float32"
    refusal = why_no_triton(device)
    if refusal is not None:
        return TORCH_OPS, refusal
    if head_width not in HEAD_WIDTHS:
        return TORCH_OPS, f"heads {head_width} wide, the attention kernel needs a power of two from 16 to 256"
    from .triton_ops import TRITON_OPS

    return TRITON_OPS, str(dtype).removeprefix("torch.")


def _compile_or_warn(
    estimator: Estimator, stages: EstimatorStages, request: CompileRequest
) -> tuple[EstimatorStages, str]:
    """A failure costs the speed and nothing else."""
    try:
        return compile_stages(estimator, request.cache_folder), "compiled"
    except Exception as error:
        reason = f"{type(error).__name__}: {first_line(error)}"
        log.warning("torch.compile does not work here (%s); the flow runs uncompiled", reason)
        return stages, f"failed: {reason}"

"""Tuning: kernel shapes for this card, measured within the steps that take a run's time, kept for later starts."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from ..runtime.card import card_of
from ..runtime.device_capability import why_no_triton
from ..runtime.kernel_shapes import forget_tables, tabulate_shapes
from ..runtime.shape_tables import save_tuned, tuned_table
from ..runtime.shape_tuner import ShapeTuner, TunedStep
from .errors import ConfigError
from .loading.models import Models
from .options import LoadOptions
from .vocoder.vocoder import Vocoder

SECONDS = 85.0
"""After which tuning ends with what it has found."""
DECODED = (1, 3), (16, 3), (1, 1), (16, 1)
"""Lines and beams of the decode steps that are tuned: the default line and dialogue first."""
BYTES = 3 << 29
"""Of device memory that tuning takes beside the weights: the largest step's keys and values, and the vocoder."""
FLOW_FRAMES = 1722
"""Ten seconds of speech behind ten seconds of prompt."""


@dataclass(frozen=True)
class TuningReport:
    """path: of the table. seconds: of each step before and after. tried, failed, left: candidates that were timed, did
    not run here, or had to be left out for want of time, as were the steps in unreached."""

    card: str
    path: Path
    seconds: dict[str, tuple[float, float]]
    tried: int
    failed: int
    left: int
    unreached: tuple[str, ...] = ()

    def __str__(self) -> str:
        gains = [f"{name}: {1e3 * old:.3f} -> {1e3 * new:.3f} ms" for name, (old, new) in self.seconds.items()]
        counts = f"{self.tried} kernel shapes tried on {self.card}, {self.failed} do not run here"
        left = f", {self.left} left out for want of time" if self.left else ""
        unreached = f"; not reached: {'; '.join(self.unreached)}" if self.unreached else ""
        return "\n".join([counts + left + unreached, *gains, f"kept in {self.path}"])


def has_tuned_shapes(device: torch.device, width: int, weight_bytes: int) -> bool:
    """Whether a table of the CUDA card behind `device` has shapes for a decoder of this width, its weights of so many
    bytes each."""
    table, wanted = tuned_table(card_of(device)), {f"inputs={width}", f"weight_bytes={weight_bytes}"}
    return any(wanted <= set(size.split()) for sizes in table.values() for size in sizes)


def why_not_tuned(device: torch.device) -> str | None:
    """Why there is nothing to tune, or None."""
    if device.type != "cuda":
        return f"it is for GPUs that run Triton kernels, this is {device.type}"
    return why_no_triton(device)


def tune_models(
    modules: Models,
    options: LoadOptions,
    on_progress: Callable[[float, str], None] = lambda share, what: None,
    seconds: float = SECONDS,
) -> TuningReport:
    """Tune what these options run through kernels, on the models' device. on_progress: told the share that is done and
    what is being done; what it raises ends it, and nothing is kept.

    Raises `ConfigError` where there is nothing to tune. Graphs that are captured keep the shapes they have.
    """
    start, device = time.monotonic(), modules.device
    refusal = why_not_tuned(device)
    if refusal is not None:
        raise ConfigError(f"tune: {refusal}")
    card = card_of(device)
    with torch.inference_mode():
        on_progress(0.0, "compiling kernels")
        steps = _list_steps(modules, options)
        tuned = ShapeTuner(card, device, seconds - (time.monotonic() - start), on_progress).tune_steps(steps)
    path = save_tuned(card, tabulate_shapes(tuned.shapes))
    forget_tables()
    counts = tuned.tried, tuned.failed, tuned.left
    return TuningReport(card.name, path, tuned.seconds, *counts, tuple(tuned.unreached))


def _list_steps(modules: Models, options: LoadOptions) -> list[TunedStep]:
    """Decode steps, a flow step and a vocoder run, as far as they run through kernels."""
    from ..accel.step_tuning import decode_steps

    decode = decode_steps(modules.gpt.decoder_weights(), DECODED) if options.use_accel else []
    vocoder = Vocoder(modules.vocoder, options.use_cuda_kernel)
    others = [step for step in (modules.s2mel.tuned_step(FLOW_FRAMES), vocoder.tuned_step()) if step is not None]
    return [*decode[:1], *others, *decode[1:]]

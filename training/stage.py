"""One stage of training: update after update until its time is spent, resumable, everything it measured on file.

The schedule follows the share of the stage's time that is spent, so that it ends annealed on any machine and after any
number of interruptions.
"""

import json
import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from .optimizing import optimizer, set_peak, set_rates
from .team import ALONE, Team

logger = logging.getLogger(__name__)

AnyModule = TypeVar("AnyModule", bound=nn.Module)

SAVE_SECONDS = 60.0
LOG_EVERY = 20
MOST_STUCK = 5
"""Logged updates in a row that may be left out for gradients that are not finite."""
UNEXPORTED = ("heads.", "speakers.", "means.", "discriminators.", "acoustics.", "spectra.")
"""What a checkpoint may lack: constants, and what only training needs, which the exported folder does not hold."""


@dataclass(frozen=True)
class Budget:
    """How long a stage may run: seconds of training in all, and at most `steps` updates (0: any number)."""

    seconds: float
    steps: int = 0

    def share(self, seconds: float, steps: int) -> float:
        """How much of it is spent, 0 to 1."""
        return min(1.0, max(seconds / self.seconds, steps / self.steps if self.steps else 0.0))


class Stage(ABC):
    """What a stage trains and how. `modules` is all that its checkpoint holds beside the optimizers."""

    name: str
    team: Team = ALONE
    bfloat16 = False
    """Whether `products` are in half precision."""

    def __init__(
        self,
        modules: dict[str, nn.Module],
        device: torch.device,
        rate: float,
        decay: float = 0.01,
        paced: bool = False,
    ) -> None:
        self.modules: Any = nn.ModuleDict(modules).to(device)  # a ModuleDict's entries have no types of their own
        self.device = device
        self.optimizers = [optimizer(self.modules.parameters(), rate, decay, paced=paced)]

    @abstractmethod
    def update(self, rng: np.random.Generator, share: float) -> dict[str, Tensor]:
        """One update of the weights; returns what to log, scalars on any device."""

    @torch.no_grad()
    def finish(self) -> dict[str, float]:
        """Once the time is spent: anything still to be computed; returns the stage's final figures."""
        return {}

    def step(self, loss: Tensor, optimizer: torch.optim.Optimizer | None = None, clip: float = 1.0) -> Tensor:
        """Backward and one optimizer step; returns the gradient's norm.

        Gradients that are not finite leave the weights as they are, decided on the device: the host never waits.
        """
        optimizer = optimizer or self.optimizers[0]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        self.team.average(p.grad for p in parameters)
        norm = nn.utils.clip_grad_norm_(parameters, clip)
        vars(optimizer)["found_inf"] = (~torch.isfinite(norm)).float()  # what fused optimizers look at
        optimizer.step()
        return norm.detach()

    def tune(self, rate: float | None, bfloat16: bool) -> None:
        """Another peak rate, and the precision of `products`."""
        self.bfloat16 = bfloat16
        if rate is not None:
            for made in self.optimizers:
                set_peak(made, rate)

    def products(self) -> AbstractContextManager:
        """Matrix products in bfloat16 where the plan says so."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)

    def half(self) -> AbstractContextManager:
        """bfloat16 matrix products on a GPU, float32 on a CPU."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")


@dataclass
class Progress:
    """How far a stage has come. `figures` are its final ones, empty until it is done."""

    steps: int = 0
    seconds: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)


def run_stage(
    stage: Stage,
    folder: Path,
    budget: Budget,
    deadline: float,
    seed: int = 0,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Train until the budget is spent or `deadline` (of `clock`) has passed; True where the stage is done.

    A team goes by the clock of the process that leads it, which alone logs and saves.
    """
    team, progress = stage.team, restore(stage, folder)
    if progress.figures and budget.share(progress.seconds, progress.steps) >= 1:
        return True
    team.align(stage.modules)
    begun, saved = clock() - progress.seconds, clock()
    stuck = 0
    with (folder / f"{stage.name}.jsonl").open("a", encoding="utf-8") as log:
        while (share := team.agreed(_spent(budget, progress, clock() < deadline))) < 1:
            set_rates(stage.optimizers, share)
            values = stage.update(np.random.default_rng([seed, progress.steps, team.rank]), share)
            progress.steps += 1
            if team.leads and (progress.steps % LOG_EVERY == 0 or progress.steps in (1, budget.steps)):
                stuck = stuck + 1 if _write_log(log, progress, values) else 0
                _refuse(stage, progress, stuck)
            progress.seconds = clock() - begun
            if team.leads and clock() - saved > SAVE_SECONDS:
                save(stage, folder, progress)
                saved = clock()
    done = budget.share(progress.seconds, progress.steps) >= 1
    if team.leads:
        _end(stage, folder, progress, done)
    return bool(team.agreed(float(done)))


def _spent(budget: Budget, progress: Progress, in_time: bool) -> float:
    """`Budget.share`, 1 from the deadline on."""
    return budget.share(progress.seconds, progress.steps) if in_time else 1.0


def _end(stage: Stage, folder: Path, progress: Progress, done: bool) -> None:
    if done:
        stage.modules.eval()
        figures = {"steps": progress.steps, "seconds": progress.seconds, **stage.finish()}
        progress.figures = {name: float(value) for name, value in figures.items()}
        logger.info("%s: done, %s", stage.name, _shown(progress.figures))
    save(stage, folder, progress)


def save(stage: Stage, folder: Path, progress: Progress) -> None:
    """Replace the stage's checkpoint; an interruption leaves the old one."""
    state = {
        "modules": stage.modules.state_dict(),
        "optimizers": [o.state_dict() for o in stage.optimizers],
        "progress": vars(progress),
    }
    part = folder / f"{stage.name}.part"
    torch.save(state, part)
    part.rename(folder / f"{stage.name}.pt")


def restore(stage: Stage, folder: Path) -> Progress:
    """Load what an earlier run left. Weights that came without optimizer state start it anew."""
    file = folder / f"{stage.name}.pt"
    if not file.is_file():
        return Progress()
    state = torch.load(file, map_location=stage.device, weights_only=True)
    missing, unknown = stage.modules.load_state_dict(state["modules"], strict=False)
    if wrong := [name for name in (*missing, *unknown) if not name.startswith(UNEXPORTED)]:
        raise ValueError(f"{file}: got {wrong[:3]} missing or unknown, expected another model; train the stage anew")
    for made, kept in zip(stage.optimizers, state.get("optimizers", []), strict=False):
        if _sizes(kept) != _sizes(made.state_dict()):
            raise ValueError(
                f"{file}: got an optimizer of other weights; begin its schedule anew: --again {stage.name}"
            )
        made.load_state_dict(kept)
    return Progress(**state["progress"])


def _sizes(optimizer_state: dict[str, Any]) -> list[int]:
    return [len(group["params"]) for group in optimizer_state["param_groups"]]


def begin_again(folder: Path, name: str) -> None:
    """Keep the weights of the stage `name`, and give it its whole time and schedule anew; its log is set aside."""
    file, log = folder / f"{name}.pt", folder / f"{name}.jsonl"
    state = torch.load(file, map_location="cpu", weights_only=True)
    if log.is_file():
        log.rename(log.with_stem(f"{name}_until_{state['progress']['steps']}"))
    torch.save({"modules": state["modules"], "progress": vars(Progress())}, file)


def is_done(folder: Path, name: str) -> bool:
    """Whether the stage `name` has final figures."""
    file = folder / f"{name}.pt"
    if not file.is_file():
        return False
    return bool(torch.load(file, map_location="cpu", weights_only=True, mmap=True)["progress"]["figures"])


def load_part(folder: Path, stage: str, part: str, module: AnyModule) -> AnyModule:
    """Give `module` the weights that `stage` trained under the name `part`; returns it, to run and not to train."""
    state = torch.load(folder / f"{stage}.pt", map_location="cpu", weights_only=True)["modules"]
    prefix = f"{part}."
    found = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    module.load_state_dict({name: tensor.float() for name, tensor in found.items()})
    return module.eval().requires_grad_(False)


def _write_log(log, progress: Progress, values: dict[str, Tensor]) -> bool:
    """Returns whether the update was left out because its gradients were not finite."""
    plain = {name: float(value) for name, value in values.items()}
    log.write(json.dumps({"step": progress.steps, "seconds": round(progress.seconds, 2), **plain}) + "\n")
    log.flush()
    if progress.steps % (10 * LOG_EVERY) == 0:
        logger.info("step %d, %.0f s: %s", progress.steps, progress.seconds, _shown(plain))
    return not math.isfinite(plain.get("norm", 0.0))


def _refuse(stage: Stage, progress: Progress, stuck: int) -> None:
    """Raises FloatingPointError where no logged update has been made for a while: going on would only cost time."""
    if stuck < MOST_STUCK:
        return
    wrong = [
        name
        for name, parameter in stage.modules.named_parameters()
        if parameter.grad is not None and not bool(torch.isfinite(parameter.grad).all())
    ]
    raise FloatingPointError(
        f"{stage.name}: no finite gradients at update {progress.steps} and at {MOST_STUCK - 1} logged ones before it, "
        f"now in {wrong[:5]}; look at what they come from, or lower the rate"
    )


def _shown(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())

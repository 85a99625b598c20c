"""Progress inside a long call: told by the calls of a model's modules, on a CPU, where they take as long as they take.

On a GPU a call only launches, graphs replay without calling any module, and all of it is over soon.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn


class WorkMeter:
    """Units of work as a share of 1, told to `report` after each and inside of each.

    How far a unit is shows by `calls`, the number of modules that one calls; 0 where the first unit has to tell.
    """

    def __init__(self, report: Callable[[float], None], units: float = 1) -> None:
        self.calls = 0
        self._report, self._units = report, units
        self._done, self._counted = 0.0, 0

    def finish_units(self, done: float, units: float | None = None) -> None:
        """`done` of the units are done; `units` where their number is known only now."""
        if done > self._done:
            self.calls = self._counted or self.calls
        self._done, self._counted, self._units = done, 0, units or self._units
        self._report(done / self._units)

    def count_call(self) -> None:
        """A module was called."""
        self._counted += 1
        inside = min(self._counted / self.calls, 1.0) if self.calls else 0.0
        self._report(min((self._done + inside) / self._units, 1.0))


@contextmanager
def meter_calls(meter: WorkMeter, device: torch.device, *models: nn.Module, once: bool = True) -> Iterator[None]:
    """Have the meter count every call of the models' innermost modules; on a CPU only.

    once: whether a unit calls each of them once.
    """
    models = models if device.type == "cpu" else ()
    leaves = [part for model in models for part in model.modules() if not any(part.children())]
    meter.calls = len(leaves) if once else 0
    handles = [part.register_forward_hook(lambda *_: meter.count_call()) for part in leaves]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()

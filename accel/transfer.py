"""Between host and device without either waiting for the other: copies are ordered as the device's work is."""

from collections.abc import Sequence

import torch


def to_device(values: Sequence[object], device: torch.device) -> torch.Tensor:
    """A new tensor of `values`; a GPU fetches them when it gets there."""
    if device.type != "cuda":
        return torch.tensor(values).to(device)
    return torch.tensor(values, pin_memory=True).to(device, non_blocking=True)


class Departed:
    """Copies of tensors as the device has them when it gets here; `arrived` waits for that and no longer."""

    def __init__(self, *tensors: torch.Tensor) -> None:
        # Into pinned memory from a GPU. A copy in any case: what is on the CPU goes on changing.
        self._copies = [t.to("cpu", non_blocking=t.is_cuda, copy=True) for t in tensors]
        self._event = torch.cuda.Event() if tensors[0].is_cuda else None
        if self._event is not None:
            self._event.record(torch.cuda.current_stream(tensors[0].device))

    def arrived(self) -> list[torch.Tensor]:
        if self._event is not None:
            self._event.synchronize()
        return self._copies

"""Whether a file's tensors hold what they say: as many values as their shapes mean, each of them a number."""

from collections.abc import Mapping
from pathlib import Path

import torch

from ..errors import CheckpointError

SHARED = 2
"""How many times the values of a file may be in its tensors: a model may tie its embedding to its head, not more."""


def check_storages(state: Mapping[str, torch.Tensor], file: Path) -> None:
    """Raises `CheckpointError` where shapes mean values that the file does not hold: a stride of 0, a storage that
    many tensors look at. They would be made when the tensors are copied."""
    if any(tensor.is_meta for tensor in state.values()):  # only names and shapes were asked for
        return
    held = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in state.values()}
    for name, tensor in state.items():
        if tensor.nbytes > (there := tensor.untyped_storage().nbytes()):
            raise CheckpointError(
                f"{file}: {name}: got {list(tensor.shape)} over {there} bytes, expected all of its values; download "
                "the file from its publisher"
            )
    meant, there = sum(t.nbytes for t in state.values()), sum(held.values())
    if meant > SHARED * there:
        raise CheckpointError(
            f"{file}: got tensors of {meant} bytes over {there} bytes in the file, expected each its own; download the "
            "file from its publisher"
        )


def probe_values(tensor: torch.Tensor) -> torch.Tensor | None:
    """A number, on the tensor's device and not waited for, that is finite only where all values are: their sum, of
    half precision that of the smallest and the largest. One pass. None where no value could be no number."""
    if tensor.is_meta or not tensor.is_floating_point() or not tensor.numel():
        return None
    return tensor.sum() if tensor.dtype == torch.float32 else torch.stack(torch.aminmax(tensor)).float().sum()


def check_finite(tensors: Mapping[str, torch.Tensor], probes: Mapping[str, torch.Tensor], file: Path) -> None:
    """Raises `CheckpointError` naming the tensors that hold NaN or infinite values. probes: see `probe_values`."""
    if not probes:
        return
    suspect = [
        name
        for name, sound in zip(probes, torch.stack([*probes.values()]).isfinite().tolist(), strict=True)
        if not sound
    ]
    broken = [name for name in suspect if not bool(tensors[name].isfinite().all())]  # a sum may overflow
    if not broken:
        return
    tensor = tensors[broken[0]]
    count = int((~torch.isfinite(tensor)).sum())
    half = " or turn use_fp16 off, if the values are too large for it" if tensor.dtype == torch.float16 else ""
    more = f", and {len(broken) - 1} more tensors" if len(broken) > 1 else ""
    raise CheckpointError(
        f"{file}: {broken[0]}: got {count} of {tensor.numel()} values that are NaN or infinite{more}; "
        f"download the file again{half}"
    )

"""Kernels that start while the one before them still runs (programmatic dependent launch, from Hopper on).

What a kernel reads before it has waited must not depend on any kernel of the same graph: weights, and what earlier
replays left, which are keys and values of tokens and, as the draw comes last, the state. All that it writes, it writes
after. So no kernel overtakes a reader: each waits for the one before it, which has waited itself.

After the wait, ordinary loads see what earlier kernels wrote, though several of them share a multiprocessor's
first-level cache: the wait makes those writes visible to the grid that waits (PTX ISA, griddepcontrol), whatever that
cache holds from before. Two things break this, so no kernel does them: a load before the wait of what an earlier kernel
still writes, and a load past the coherent path (ld.global.nc, which Triton does not emit). What programs of the same
launch leave each other is none of the wait's business: it is read past the first-level cache (".cg").
"""

import functools
import inspect

import torch
import triton
import triton.language as tl

_wait = getattr(getattr(tl.extra, "cuda", None), "gdc_wait", None)
CAN_WAIT = _wait is not None and "_semantic" in inspect.signature(_wait).parameters
"""Whether this Triton knows the two instructions. 3.4 has them, but calls them with what they do not take."""

if CAN_WAIT:

    @triton.jit
    def let_next_start(OVERLAP: tl.constexpr):
        """Once all programs of this kernel have said so, the next one's take what room is left."""
        if OVERLAP:
            tl.extra.cuda.gdc_launch_dependents()

    @triton.jit
    def wait_for_last(OVERLAP: tl.constexpr):
        """Until all kernels before this one have finished."""
        if OVERLAP:
            tl.extra.cuda.gdc_wait()

else:

    @triton.jit
    def let_next_start(OVERLAP: tl.constexpr):
        """Every kernel starts after the one before it."""

    @triton.jit
    def wait_for_last(OVERLAP: tl.constexpr):
        """It has finished."""


@triton.jit
def ready(OVERLAP: tl.constexpr):
    """Let the next kernel start, then wait for the last one. Who says the two apart has measured that it is faster so:
    what the next one loads comes sooner, but from the same memory as what this one still waits for."""
    let_next_start(OVERLAP)
    wait_for_last(OVERLAP)


@functools.cache
def overlaps(device: torch.device) -> bool:
    """Whether the chip and this Triton can."""
    if not CAN_WAIT or device.type != "cuda" or torch.version.cuda is None:
        return False
    return torch.cuda.get_device_capability(device) >= (9, 0)


def launch_options(device: torch.device) -> dict[str, bool]:
    """Keyword arguments of a launch whose kernel calls `ready`."""
    return {"OVERLAP": True, "launch_pdl": True} if overlaps(device) else {"OVERLAP": False}

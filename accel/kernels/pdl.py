"""Programmatic dependent launch (PDL, from Hopper on): a kernel starts while the one before it still runs, and has its
weights fetched to the L2 cache ahead of the kernel that multiplies by them.

A decode step is a chain of short kernels: without this, memory rests between them. What a kernel reads before it has
waited must not depend on any kernel of the same graph: weights, and what earlier replays left, which are keys and
values of tokens and, as the draw comes last, the state. All that it writes, it writes after. So no kernel overtakes a
reader: each waits for the one before it, which has waited itself.

After the wait, ordinary loads see what earlier kernels wrote, though several of them share a multiprocessor's L1
cache: the wait makes those writes visible to the grid that waits (PTX ISA, griddepcontrol), whatever that cache holds
from before. Two things break this, so no kernel does them: a load before the wait of what an earlier kernel still
writes, and a load past the coherent path (ld.global.nc, which Triton does not emit). What programs of the same launch
leave each other is none of the wait's business: it is read past the L1 cache (".cg").
"""

import inspect

import torch
import triton
import triton.language as tl

from ...runtime.card import Card, card_of

_wait = getattr(getattr(tl.extra, "cuda", None), "gdc_wait", None)
TRITON_HAS_PDL = _wait is not None and "_semantic" in inspect.signature(_wait).parameters
"""Whether this Triton knows the two instructions. 3.4 has them, but calls them with what they do not take."""
CACHE_LINE_BYTES = tl.constexpr(128)


@triton.jit
def launch_dependents(PDL: tl.constexpr):
    """The next kernel's programs may start where there is room, once every program of this one has called this."""
    if PDL:
        tl.extra.cuda.gdc_launch_dependents()


@triton.jit
def wait_on_dependencies(PDL: tl.constexpr):
    """Until all kernels before this one have finished, which without PDL they have."""
    if PDL:
        tl.extra.cuda.gdc_wait()


@triton.jit
def launch_dependents_and_wait(PDL: tl.constexpr):
    """Who says the two apart has measured that it is faster so: what the next kernel loads comes sooner, but from the
    same memory as what this one still waits for."""
    launch_dependents(PDL)
    wait_on_dependencies(PDL)


@triton.jit
def l2_prefetch(pointers):
    """Fetch the cache lines of `pointers` to the L2 cache. Nothing waits for them."""
    tl.inline_asm_elementwise(
        "prefetch.global.L2 [$1]; mov.b32 $0, 0;",
        "=r,l",
        [pointers.to(tl.int64)],
        dtype=tl.int32,
        is_pure=False,
        pack=1,
    )


@triton.jit
def l2_prefetch_share(bytes, program, programs, COUNT: tl.constexpr, THREADS: tl.constexpr):
    """This program's share of the COUNT cache lines at `bytes`."""
    for first in range(program * THREADS, COUNT, programs * THREADS):
        place = tl.minimum(first + tl.arange(0, THREADS), COUNT - 1)
        l2_prefetch(bytes + place * CACHE_LINE_BYTES)


def supports_pdl(card: Card) -> bool:
    """Whether the card and this Triton can."""
    return TRITON_HAS_PDL and card.capability >= (9, 0)


def pdl_options(device: torch.device) -> dict[str, bool]:
    """Keyword arguments of a launch whose kernel waits with the functions above."""
    return {"PDL": True, "launch_pdl": True} if supports_pdl(card_of(device)) else {"PDL": False}


def prefetch_arguments(weights: torch.Tensor | None, device: torch.device) -> tuple[torch.Tensor | None, int]:
    """What `l2_prefetch_share` takes: `weights` as bytes and their number of cache lines; none without PDL."""
    if weights is None or not supports_pdl(card_of(device)):
        return None, 0
    return weights.view(torch.uint8), weights.nbytes // CACHE_LINE_BYTES.value


def triton_version() -> tuple[int, int]:
    """Major and minor: compilers differ in what kernels here rely on."""
    major, minor = triton.__version__.split(".")[:2]
    return int(major), int(minor)

"""Triton kernels compiled side by side before they are needed, instead of one after the other where they are launched.

A rehearsal is work of which only the launches are wanted: a kernel that would have to be compiled, or read from
Triton's cache, is noted and not launched. Threads then make those ready, each for itself, as Triton's passes, ptxas and
the C compiler all run without Python's lock. Whatever fails is left to the launch itself, which says why.
"""

import importlib.util
import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import torch

from .device_capability import why_no_triton

log = logging.getLogger(__name__)

MOST_THREADS = 16
SECONDS_BETWEEN_EVENTS = 0.5

Prepare = Callable[[], object]
"""Makes one kernel ready to be launched by this process."""

_REHEARSALS = threading.Lock()


class KernelPreparation:
    """Begins at once, and on its own: `rehearse` in a thread, and each kernel of it in another one.

    device: of the kernels, a CUDA device.
    """

    def __init__(self, rehearse: Callable[[], object], device: torch.device) -> None:
        threads = max(2, min(MOST_THREADS, os.cpu_count() or 1))
        self._pool = ThreadPoolExecutor(threads, "kernels", initializer=_use_device, initargs=(device,))
        self._kernels: list[Future[object]] = []
        self._device = device
        self._rehearsed = self._pool.submit(self._run_rehearsal, rehearse)

    def finish(self, on_progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Wait until all are ready. on_progress: told how many of all are, where it takes longer; may raise to cancel,
        and then what has not begun is left out."""
        try:
            while not self._wait_a_while():
                on_progress(sum(kernel.done() for kernel in self._kernels), max(1, len(self._kernels)))
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _wait_a_while(self) -> bool:
        """Whether all are ready."""
        if wait([self._rehearsed], SECONDS_BETWEEN_EVENTS).not_done:
            return False
        return not wait(self._kernels, SECONDS_BETWEEN_EVENTS).not_done

    @torch.inference_mode()
    def _run_rehearsal(self, rehearse: Callable[[], object]) -> None:
        # Asked before launches are skipped, as it looks at what a kernel has written.
        if why_no_triton(self._device) is not None:
            return
        try:
            with noted_launches(lambda prepare: self._kernels.append(self._pool.submit(_try_to, prepare))):
                rehearse()
        except Exception as error:
            log.warning("kernels are compiled when they are launched, as preparing them failed: %s", error)


@contextmanager
def noted_launches(note: Callable[[Prepare], object]) -> Iterator[None]:
    """This thread's launches of kernels that are not in memory yet are skipped and told to `note`, each kernel once.

    Triton offers one hook for all threads; what others launch meanwhile runs as ever.
    """
    from triton import knobs

    here, known = threading.get_ident(), set[tuple[Any, str]]()

    def skip_launch(*, key: str, fn: Any, compile: dict[str, Any], **more: Any) -> bool | None:
        if threading.get_ident() != here:
            return None if before is None else before(key=key, fn=fn, compile=compile, **more)
        kernel = fn.jit_function
        if (kernel, key) not in known:
            known.add((kernel, key))
            data = compile["specialization_data"]
            note(lambda: kernel.preload(data).run)  # what is run is the module on the device, and its launcher
        return True

    with _REHEARSALS:
        before = knobs.runtime.jit_cache_hook
        knobs.runtime.jit_cache_hook = skip_launch
        try:
            yield
        finally:
            knobs.runtime.jit_cache_hook = before


def can_prepare_kernels() -> bool:
    """Whether this Triton can compile what a launch would, without the launch."""
    if importlib.util.find_spec("triton") is None:
        return False
    try:
        from triton import knobs
        from triton.runtime.jit import JITFunction
    except ImportError:
        return False
    return hasattr(knobs.runtime, "jit_cache_hook") and hasattr(JITFunction, "preload")


def _use_device(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.set_device(device)


def _try_to(prepare: Prepare) -> None:
    try:
        prepare()
    except Exception as error:
        log.info("a kernel is left to be compiled when it is launched: %s", error)

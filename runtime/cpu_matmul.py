"""Matrix products on a CPU: oneDNN instead of torch's default library, which leaves half the speed on some processors.

The default, MKL, keeps its widest instructions for Intel's own, where it stays. Half of a line's time on a CPU are
products in float32.
"""

import logging
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

log = logging.getLogger(__name__)

INTEL = "GenuineIntel"


@cache
def runs_mkl_at_full_speed() -> bool:
    """Whether torch multiplies matrices with MKL on Intel's own processor; MKL keeps its best code for those.

    There nothing beats plain `linear`, least of all with few rows, where other ways take two to five times as long.
    """
    return torch.backends.mkl.is_available() and _is_made_by_intel()


def _is_made_by_intel() -> bool:
    """Linux says so in a file, Windows in the processor's name; a Mac without Apple's chip has Intel's."""
    if platform.system() == "Darwin":
        return platform.machine() == "x86_64"
    try:
        return INTEL in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return INTEL in platform.processor()


class OneDNNLinearMode(TorchFunctionMode):
    """While it is entered, `linear` of float32 tensors on the CPU that need no gradient runs on oneDNN."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is F.linear and not kwargs and _is_onednn_input(*args):
            return onednn_linear(*args)
        return func(*args, **(kwargs or {}))


def onednn_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x [..., in] times weight [out, in], transposed, plus bias [out]; float32 on the CPU."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x.contiguous(), weight, bias, "none", [], "")
    return product


@cache
@torch.inference_mode()
def is_onednn_usable() -> bool:
    """Whether this torch was built with oneDNN for a processor that it knows well; tried once on a small product.

    The operation is what torch.compile calls, not a public one: where a torch lacks or changes it, torch's own stays.
    """
    if not torch.backends.mkldnn.is_available() or not torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        return False
    x, weight = torch.ones(2, 16), torch.ones(4, 16)
    try:
        return torch.allclose(onednn_linear(x, weight), x @ weight.T)
    except (AttributeError, RuntimeError, TypeError) as error:
        log.info("matrix products on the CPU stay with torch's default library: %s", error)
        return False


@cache
def multiplies_int8() -> bool:
    """Whether this processor multiplies whole numbers of 8 bits four at a time (VNNI), and torch has it do so: else
    they take longer than float32."""
    if not getattr(torch.cpu, "_is_vnni_supported", lambda: False)() or not torch.backends.mkldnn.is_available():
        return False
    x, weight = torch.ones(2, 16, dtype=torch.int8), torch.ones(4, 16, dtype=torch.int8)
    try:
        return bool((torch._int_mm(x, weight.t()) == 16).all())
    except (AttributeError, RuntimeError, TypeError) as error:
        log.info("products of 8 bits on the CPU are not to be had: %s", error)
        return False


@contextmanager
def use_fastest_matmul(device: torch.device) -> Iterator[None]:
    """The fastest matrix products there are on `device`, while the context lasts and in this thread.

    The mode has its price: Python looks at every operation, which small ones feel.
    """
    if device.type != "cpu" or runs_mkl_at_full_speed() or not is_onednn_usable():
        yield
        return
    with OneDNNLinearMode():
        yield


def _is_onednn_input(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> bool:
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or not x.numel():
        return False
    # Of a weight whose rows are not side by side oneDNN makes a plain loop, a hundred times slower.
    return weight.is_contiguous() and all(
        tensor.device.type == "cpu" and tensor.dtype is torch.float32
        for tensor in ((x, weight) if bias is None else (x, weight, bias))
    )

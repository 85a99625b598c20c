"""The flow's kernels made ready for a chip that need not be there, then launched. A script of its own, since the tests
around it have imported Triton as an interpreter.

    python tests/helpers/prepare_kernels.py

Prints JSON: how many kernels were compiled aside, and how many by the thread that launches them.
"""

import json
import os
import sys
import tempfile
import threading

import compile_kernels as compiler
import torch
from indextts2_multitalk.runtime import kernel_preparation
from indextts2_multitalk.runtime.kernel_preparation import KernelPreparation, can_prepare_kernels
from triton import knobs, runtime


def main() -> dict[str, int]:
    runtime.driver.set_active(compiler.Chip(90))
    assert can_prepare_kernels()
    kernel_preparation.why_no_triton = lambda device: None
    main_thread, compiled = threading.current_thread(), {"aside": 0, "here": 0}

    def count(**_) -> None:
        compiled["here" if threading.current_thread() is main_thread else "aside"] += 1

    knobs.compilation.listener = count
    KernelPreparation(compiler.flow, compiler.CPU).finish()
    assert knobs.runtime.jit_cache_hook is None
    for _ in compiler.launches(90, ["flow"]):
        pass
    return compiled


if __name__ == "__main__":
    with torch.inference_mode(), tempfile.TemporaryDirectory() as cache:
        os.environ["TRITON_CACHE_DIR"] = cache
        sys.stdout.write(json.dumps(main()))

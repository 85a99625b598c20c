"""What the kernels' machine code is, so that work on their text can show that the code stayed as it was.

    python tests/helpers/kernel_hashes.py [--check] [--only WORD] [FILE]

Writes FILE (tests/goldens/frozen/sass.json): Triton's version, and a hash of the instructions, warps and shared memory
of every variant of every kernel at full size for three compute capabilities. With --check compares instead, and exits
with 1 where something differs. --only: cases such as "90 / decode, 3 rows" that hold WORD.
Needs no GPU; takes minutes. Variants are named after what they do, since kernels may be renamed.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import compile_kernels as compiler
import torch
import triton

FROZEN = Path(__file__).parents[1] / "goldens" / "frozen" / "sass.json"
CAPABILITIES = 86, 90, 120
INSTRUCTION = re.compile(r"^\s*(?:/\*[0-9a-f]{4,}\*/)?\s*(.*?;)?\s*/\* (0x[0-9a-f]{16}) \*/", re.MULTILINE)
KINDS = {
    "_advance_beams_kernel": "beam search state",
    "_affine_norm_kernel": "LayerNorm",
    "_apply_rotary_kernel": "rotary embedding",
    "_beam_candidates_kernel": "beam continuations",
    "_convolve_channels_last_kernel": "convolution",
    "_copy_partial_pages_kernel": "beam reorder",
    "_draw_kernel": "draw",
    "_embed_tokens_kernel": "embedding",
    "_gated_convolution_kernel": "gated convolution",
    "_gemm_kernel": "GEMM",
    "_gemv_kernel": "GEMV",
    "_kv_store_kernel": "KV store",
    "_layer_norm_kernel": "LayerNorm",
    "_packed_attention_kernel": "flow attention",
    "_paged_attention_kernel": "paged attention",
    "_partial_softmax_kernel": "partial softmax",
    "_partial_top_k_kernel": "partial top-k",
    "_residual_add_kernel": "residual sum",
    "_residual_cat_kernel": "concatenation",
    "_snake_kernel": "snake",
    "_splitk_residual_kernel": "split-K GEMM with residual",
    "_swiglu_kernel": "SwiGLU",
    "decode_megakernel": "persistent step",
}
"""What a kernel does, by the name that it has now."""


def hashes(capability: int, cases: list[str]) -> dict[str, str]:
    """By variant: capability, case, kernel and, where a case has several, a number in the order of their launches."""
    found: dict[str, list[str]] = defaultdict(list)
    for launch in compiler.launches(capability, cases):
        name, code = f"{capability} / {launch.case} / {KINDS[launch.kernel]}", machine_code(launch.compiled)
        if code not in found[name]:
            found[name].append(code)
    return {f"{name} {n}": code for name, codes in found.items() for n, code in enumerate(codes, 1)}


def machine_code(compiled) -> str:
    sass = compiler.inspected("-sass", compiled.asm["cubin"])
    assert sass is not None, "this Triton brings no cuobjdump"
    code = [f"{text} {word}" for text, word in INSTRUCTION.findall(sass)]
    assert len(code) > 20, sass[:2000]
    meta = compiled.metadata
    needs = [
        f"{name} {getattr(meta, name)}" for name in ("num_warps", "shared", "launch_pdl", "launch_cooperative_grid")
    ]
    return hashlib.sha256("\n".join(needs + code).encode()).hexdigest()[:16]


def hashes_of(capability: int, cases: list[str]) -> dict[str, str]:
    with torch.inference_mode(), tempfile.TemporaryDirectory() as cache:
        os.environ["TRITON_CACHE_DIR"] = cache
        return hashes(capability, cases)


def everything(only: str) -> dict[str, str]:
    """Of all capabilities, each in a process of its own, since a driver is chosen once."""
    found: dict[str, str] = {}
    for capability in CAPABILITIES:
        cases = [case for case in compiler.CASES if only in f"{capability} / {case}"]
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found |= pool.apply(hashes_of, (capability, cases))
    return found


def differences(before: dict[str, str], now: dict[str, str]) -> list[str]:
    changed = [f"changed: {name}" for name in before if name in now and now[name] != before[name]]
    gone, new = ([f"{word}: {name}" for name in one if name not in other]
                 for word, one, other in (("gone", before, now), ("new", now, before)))  # fmt: skip
    return changed + gone + new


def main() -> str | None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=FROZEN)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    now = {"triton": triton.__version__, "kernels": everything(given.only)}
    if not given.check:
        given.file.write_text(json.dumps(now, indent=0) + "\n")
        return None
    before = json.loads(given.file.read_text())
    if before["triton"] != now["triton"]:
        return f"frozen with Triton {before['triton']}, this is {now['triton']}"
    expected = {name: code for name, code in before["kernels"].items() if given.only in name.rpartition(" / ")[0]}
    sys.stdout.write(f"{len(now['kernels'])} variants\n")
    return "\n".join(differences(expected, now["kernels"])) or None


if __name__ == "__main__":
    sys.exit(main())

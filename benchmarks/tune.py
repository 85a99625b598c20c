"""Tuning against the shapes that were found by hand, which an H200's rules and table say: these are taken away, tuning
begins with the last candidate of every place, whatever it is, and has to find its way.

    python benchmarks/tune.py [--dtype float16] [--seconds 85] [--debug]

Needs a CUDA device; seeded weights of full size. Prints one JSON line a step: its time with tuned shapes over that with
those found by hand, and what it began with. Nothing is kept.
"""

import argparse
import json
import logging
import os
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from decode_model import FULL, seeded_weights
from flow_and_vocoder import TESTS, s2mel, vocoder
from indextts2_multitalk.accel.step_tuning import decode_steps
from indextts2_multitalk.indextts.tuning import DECODED, FLOW_FRAMES
from indextts2_multitalk.indextts.vocoder.vocoder import Vocoder
from indextts2_multitalk.runtime.card import card_of
from indextts2_multitalk.runtime.kernel_shapes import tabulate_shapes, try_shapes
from indextts2_multitalk.runtime.shape_tuner import ShapeTuner, TunedStep
from measure import case_name, emit

COMPARISONS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", default="float16", choices=["float16", "bfloat16"])
    parser.add_argument("--seconds", type=float, default=85.0, help="limit of tuning")
    parser.add_argument("--debug", action="store_true", help="log every shape that is left out")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("tuning needs a CUDA device")
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("indextts2_multitalk.runtime.shape_tuner").setLevel("DEBUG" if arguments.debug else "INFO")
    with torch.inference_mode(), tempfile.TemporaryDirectory() as scratch:
        os.environ["INDEXTTS2_CACHE"] = scratch
        compare(list_steps(getattr(torch, arguments.dtype)), arguments.dtype, arguments.seconds)


def list_steps(dtype: torch.dtype) -> list[TunedStep]:
    device = torch.device("cuda", 0)
    config = json.loads((TESTS / "goldens" / "full_config.json").read_text(encoding="utf-8"))
    decode = decode_steps(seeded_weights(FULL, dtype, device), DECODED)
    flow = s2mel(config, device).to(dtype).tuned_step(FLOW_FRAMES)
    sound = Vocoder(vocoder(config, device).to(dtype), use_cuda_kernel=True).tuned_step()
    return [*decode[:1], *(step for step in (flow, sound) if step is not None), *decode[1:]]


def compare(steps: list[TunedStep], dtype: str, limit: float) -> None:
    device = torch.device("cuda", 0)
    card, by_hand = card_of(device), ask_shapes(steps)
    first = {(family, size): family.list_shapes(size, card)[-1] for family, size in by_hand}
    begin = time.perf_counter()
    tuned = ShapeTuner(card, device, limit, start=first).tune_steps(steps)
    took = time.perf_counter() - begin
    counts = {"tried": tuned.tried, "failed": tuned.failed, "left": tuned.left, "unreached": tuned.unreached}
    emit("tune", case_name("tune", dtype), took, "s", dtype, **counts, cpus=os.cpu_count())
    for step in (step for step in steps if step.name in tuned.seconds):
        measure = step.prepare()
        kinds = {"by_hand": by_hand, "tuned": tuned.shapes}
        rounds = [{kind: seconds_with(shapes, measure) for kind, shapes in kinds.items()} for _ in range(COMPARISONS)]
        best = {kind: min(each[kind] for each in rounds) for kind in kinds} | {"begin": tuned.seconds[step.name][0]}
        figures = {f"{kind}_ms": round(1e3 * seconds, 4) for kind, seconds in best.items()}
        name = step.name.replace(",", "").replace(" ", "-")
        emit("tune", case_name(f"tuned-{name}", dtype), best["tuned"] / best["by_hand"], "x", dtype, **figures)
    changed = {place: shape for place, shape in tuned.shapes.items() if shape != by_hand[place]}
    print(json.dumps({"hand": tabulate_shapes({place: by_hand[place] for place in changed})}))
    print(json.dumps({"tuned": tabulate_shapes(changed)}))


def ask_shapes(steps: list[TunedStep]) -> dict[Any, Any]:
    """What all steps take now; compiled side by side."""

    def ask(step: TunedStep) -> Mapping[Any, Any]:
        with torch.inference_mode(), try_shapes({}) as trial:
            step.run_small()
        return trial.asked

    with ThreadPoolExecutor(len(steps)) as pool:
        return {place: shape for asked in pool.map(ask, steps) for place, shape in asked.items()}


def seconds_with(shapes: Mapping[Any, Any], measure: Any) -> float:
    with try_shapes(shapes):
        return float(measure())


if __name__ == "__main__":
    main()

"""All of it, as far as the time allows: speech is made beside the GPU, two lanes of stages train, weights come out.

    python -m training.run --work output/training --plan full --seconds 570 --out output/parts

Run it again to go on where it stopped. On another machine, carry the parts there and add `--parts output/parts`.
"""

import argparse
import logging
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Event
from pathlib import Path

import torch

from .parts import pack, unpack
from .plan import LANES, PLANS, Plan
from .stage import begin_again, run_stage
from .synthesize import synthesize
from .team import Team
from .workshop import Workshop, text_model

logger = logging.getLogger(__name__)

PACKING_SECONDS = 15.0
"""Kept back of the time for packing what was trained."""
TOGETHER = ("gpt", "flow")
"""Stages that several GPUs may train: what they learn, they learn by gradients alone."""


@dataclass(frozen=True)
class Task:
    """What every process is told. deadline: of time.monotonic, which all processes of a machine share."""

    work: Path
    plan: Plan
    device: str
    deadline: float
    flite: Path | None
    workers: int
    threads: int
    gpus: int = 1


def make_speech(task: Task) -> None:
    """The held-out speakers first, which every stage measures itself on."""
    os.nice(5)
    _start_logging("speech")
    plan = task.plan
    unheard = (task.work / "unheard", range(plan.unheard_speakers), plan.unheard_utterances)
    synthesize(*unheard, task.workers, task.flite, held_out=True)
    synthesize(task.work / "speech", plan.numbers, plan.utterances, task.workers, task.flite)


def make_text_model(task: Task) -> None:
    """Early and beside everything else: it takes half a minute of a core."""
    text_model(task.work, task.plan)


def run_lane(stages: Sequence[str], task: Task, rank: int, over: Event) -> None:
    """One stage after the other until the deadline. Sets `over` once everything is saved: until a process that has held
    a GPU's whole memory is gone can take half a minute more."""
    _start_logging(stages[0])
    torch.set_float32_matmul_precision("high")
    torch.backends.cuda.enable_cudnn_sdp(False)  # it plans anew for every shape, and no two batches have the same
    torch.set_num_threads(task.threads)
    torch.manual_seed(rank)
    device = torch.device(task.device, rank) if task.device == "cuda" else torch.device(task.device)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    team = Team.gathered(rank, task.gpus, task.work / "meeting")
    workshop = Workshop(task.work, task.plan, device, task.deadline, team)
    try:
        for name in stages:
            begun = time.monotonic()
            stage = workshop.stage(name)
            logger.info("%s: ready after %.1f s", name, time.monotonic() - begun)
            if not run_stage(stage, task.work, task.plan.budgets[name], task.deadline):
                break
    except TimeoutError as late:
        logger.info("%s", late)
    over.set()
    team.disband()


def run(task: Task, stages: Sequence[str] | None = None) -> bool:
    """Speech and lanes side by side, until the lanes are done or the time is up; False where one has failed.

    stages: only these.
    """
    task.work.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    speech = context.Process(target=make_speech, args=(task,))
    text = context.Process(target=make_text_model, args=(task,))
    (task.work / "meeting").unlink(missing_ok=True)
    members = [(lane, task, rank, context.Event()) for lane in _lanes(stages) for rank in range(task.gpus)]
    ends = [over for *_, over in members]
    running = [context.Process(target=run_lane, args=member) for member in members]
    for process in (text, speech, *running):
        process.start()
    for process, over in zip(running, ends, strict=True):
        while process.is_alive() and not over.wait(0.2):
            pass
    text.join()
    if speech.is_alive():
        speech.join(max(0.0, task.deadline - time.monotonic()))
        speech.terminate()
    return all(over.is_set() for over in ends)


def _lanes(stages: Sequence[str] | None) -> list[list[str]]:
    """`LANES` with only these stages, none of them empty."""
    lanes = ([name for name in lane if stages is None or name in stages] for lane in LANES)
    return [lane for lane in lanes if lane]


def _start_logging(name: str) -> None:
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {name}: %(message)s", datefmt="%H:%M:%S")


def _numbers_of(text: str) -> dict[str, float]:
    """`gpt=600,flow=500` as a dict."""
    return {name: float(value) for name, value in (pair.split("=") for pair in text.split(",") if pair)}


def main(arguments: Sequence[str] | None = None) -> int:
    begun = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of speech, checkpoints and logs")
    parser.add_argument("--out", type=Path, help="folder for the weights as parts of at most 15 MB")
    parser.add_argument("--parts", type=Path, help="parts of an earlier run, taken where --work has no weights yet")
    parser.add_argument("--plan", choices=sorted(PLANS), default="full")
    parser.add_argument("--speakers", type=int, help="other than the plan's number; stages of a few minutes need fewer")
    parser.add_argument("--first", type=int, default=0, help="number of the first speaker, others than before")
    parser.add_argument("--seconds", type=float, default=3600.0, help="stop in time to be done by then")
    parser.add_argument("--budgets", default="", help="other budgets for some stages: gpt=600,flow=500 (seconds)")
    parser.add_argument("--batches", default="", help="other batches for some stages: gpt=48000,flow=24000 (codes)")
    parser.add_argument("--rates", default="", help="other peak learning rates for some stages: flow=5e-4")
    parser.add_argument("--stages", help="only these stages, separated by commas")
    parser.add_argument(
        "--again", default="", help="stages to train anew from the weights they have, separated by commas"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--gpus", type=int, default=1, help=f"to train on at once, for {' and '.join(TOGETHER)}")
    parser.add_argument("--flite", type=Path, help="folder of flite's libraries, where they are not installed")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    _start_logging("run")
    options.work.mkdir(parents=True, exist_ok=True)
    if options.parts is not None and not any(options.work.glob("*.pt")):
        unpack(options.parts, options.work)
    for name in filter(None, options.again.split(",")):
        begin_again(options.work, name)
    plan = PLANS[options.plan]
    plan = plan.with_seconds(_numbers_of(options.budgets)).with_batches(_numbers_of(options.batches))
    plan = replace(plan, first_speaker=options.first, rates=plan.rates | _numbers_of(options.rates))
    if options.speakers is not None:
        plan = replace(plan, speakers=options.speakers, ready_speakers=min(plan.ready_speakers, options.speakers))
    deadline = begun + options.seconds - (PACKING_SECONDS if options.out else 0.0)
    stages = options.stages.split(",") if options.stages else None
    if options.gpus > 1 and not (stages and set(stages) <= set(TOGETHER)):
        parser.error(f"--gpus {options.gpus}: got stages {options.stages}; name only {' and '.join(TOGETHER)} there")
    threads = 4 if options.device != "cpu" else max(1, (os.cpu_count() or 1) // len(_lanes(stages)))
    task = Task(options.work, plan, options.device, deadline, options.flite, options.workers, threads, options.gpus)
    whole = run(task, stages)
    if options.out is not None:
        pack(options.work, options.out)
    logger.info("%s after %.0f s", "done" if whole else "a lane failed", time.monotonic() - begun)
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())

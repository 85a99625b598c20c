"""What runs on a small card: a process of its own takes all of the GPU's memory but some GiB.

    python benchmarks/fits.py [--folder DIR] [--small] [--quick] [--only CASE ...]

Free memory is what the driver says once this process has its CUDA context: all that comes later counts, weights and
kernels too. A figure is the time of a case, 0 where it failed, where it reserved more than there was, or where it said
other codes than without a limit, which is measured first. A ratio is that of a dialogue's times with it and without.

Without --folder a released-layout folder of seeded weights is written, see end_to_end.py; every line is cut at its
length. Without a GPU the limits are only told to the memory budget, in shares of what the dialogue would take.
"""

import argparse
import gc
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from end_to_end import empty_device, endless, seeded_folder
from end_to_end_sound import lines_of
from flow_schedule import flow_solver
from helpers.balloon import Balloon
from helpers.tones import tone
from indextts2_multitalk.indextts.loading.find import CheckpointFiles, find_checkpoint
from indextts2_multitalk.indextts.model_version import V2_0
from indextts2_multitalk.indextts.options import LoadOptions, SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import Audio, Line, Take, Voice
from indextts2_multitalk.runtime.device_memory import DeviceMemory
from measure import emit, seconds

GIB = 2**30


@dataclass(frozen=True)
class Case:
    """So many lines of `seconds` each. again: measured the second time, warm. new_voice: of a speaker not heard yet.
    solver: of the flow."""

    lines: int = 1
    beams: int = 1
    seconds: float = 10.0
    again: bool = False
    new_voice: bool = False
    solver: str = "fast"


DIALOGUE = "16-lines-3-beams"
CASES = {
    "1-line": Case(again=True),
    DIALOGUE: Case(16, 3, again=True),
    "new-voice": Case(new_voice=True),
    "64-lines-3-beams": Case(64, 3),
    "30-s": Case(seconds=30.0, again=True),
}
"""Each finds what the one before has left: a new voice is heard beside the dialogue's cache."""

QUICK = ("1-line", DIALOGUE)


@dataclass(frozen=True)
class Card:
    """gib: what is free; None is all there is. ratio: whether the dialogue's is a figure."""

    gib: int | None = None
    low_memory: bool = False
    ratio: bool = False
    without: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return "fits-unlimited" if self.gib is None else f"fits-{self.gib}-gib{'-low' * self.low_memory}"


CARDS = (
    Card(8, ratio=True),
    Card(6, ratio=True),
    Card(4),
    Card(3, low_memory=True, without=("64-lines-3-beams",)),
)


@dataclass
class Outcome:
    """Of one case: seconds, what was said, memory. error: empty where it went well."""

    took: float
    codes: list[list[list[int]]]
    peak_reserved_gib: float
    cuts: list[str]
    stages: dict[str, float]
    schedule: str = ""
    error: str = ""


def main() -> None:
    arguments = parse()
    with torch.inference_mode(), tempfile.TemporaryDirectory() as scratch, open_limit() as limit:
        files = find_checkpoint([arguments.folder or seeded_folder(Path(scratch), arguments.small)])
        measure_cards(files, limit, arguments)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="a released folder")
    parser.add_argument("--small", action="store_true", help="tiny seeded weights, short lines: does it run?")
    parser.add_argument("--quick", action="store_true", help="one line and the dialogue of 16 only")
    parser.add_argument("--only", nargs="+", metavar="CASE", help="only figures whose names start so")
    return parser.parse_args()


class PretendedLimit:
    """Without a GPU: the budget is told shares of what the dialogue takes on 8 GiB."""

    def __init__(self) -> None:
        self.pipeline: Pipeline | None = None

    def leave(self, room_bytes: int | None) -> None:
        assert self.pipeline is not None, "set once it is loaded"
        wanted = self.pipeline.memory_required(lines_of(16, 4), speak_options(CASES[DIALOGUE], small=True))
        free = None if room_bytes is None else wanted * room_bytes // (8 * GIB)
        self.pipeline._budget.memory = PretendedMemory(free)


class PretendedMemory(DeviceMemory):
    def __init__(self, free: int | None) -> None:
        super().__init__(lambda: torch.device("cpu"))
        self._free = free

    @property
    def free_bytes(self) -> int | None:
        return self._free


@contextmanager
def open_limit() -> Iterator[Balloon | PretendedLimit]:
    with Balloon() if torch.cuda.is_available() else nullcontext(PretendedLimit()) as limit:
        yield limit


def measure_cards(files: CheckpointFiles, limit: Balloon | PretendedLimit, arguments: argparse.Namespace) -> None:
    """Without a limit first: what is said then is what has to be said, and kernels are compiled."""
    half = torch.cuda.is_available()
    load = LoadOptions("cuda" if half else "cpu", use_fp16=half, use_torch_compile=half)
    pipeline = load_within(files, load, limit, None)
    solver = flow_solver(seeded=arguments.folder is None)
    wanted = {name: replace(case, solver=solver) for name, case in CASES.items() if is_wanted(name, arguments)}
    free: dict[str, Outcome] = {}
    for name, case in wanted.items():
        free[name] = run_case(pipeline, replace(case, again=not case.new_voice), 0, arguments.small)
        report(Card(), name, free[name], free[name])
    for number, card in enumerate(CARDS, start=1):
        assert card.gib is not None, "these have a limit"
        if card.low_memory:
            pipeline.release()
            del pipeline
            pipeline = load_within(files, LoadOptions(load.device, half, low_memory=True), limit, card.gib * GIB)
        else:
            pipeline.release()
            empty_device()
            limit.leave(card.gib * GIB)
        for name, case in wanted.items():
            if name not in card.without and (arguments.only is None or wants(f"{card.name}-{name}", arguments)):
                outcome = run_case(pipeline, case, number, arguments.small)
                report(card, name, outcome, free[name])


def is_wanted(name: str, arguments: argparse.Namespace) -> bool:
    if arguments.quick and name not in QUICK:
        return False
    names = [f"{card.name}-{name}" for card in CARDS] + [f"{card.name}-ratio" for card in CARDS if name == DIALOGUE]
    return arguments.only is None or any(wants(full, arguments) for full in names)


def wants(full_name: str, arguments: argparse.Namespace) -> bool:
    return full_name.startswith(tuple(arguments.only))


def load_within(
    files: CheckpointFiles, load: LoadOptions, limit: Balloon | PretendedLimit, room_bytes: int | None
) -> Pipeline:
    """Loaded inside the limit."""
    empty_device()
    if isinstance(limit, Balloon):
        limit.leave(room_bytes)
        return Pipeline.load(files, load)
    limit.pipeline = Pipeline.load(files, load)
    limit.leave(room_bytes)
    return limit.pipeline


def run_case(pipeline: Pipeline, case: Case, number: int, small: bool) -> Outcome:
    """number: of the card, none of which has heard another's new voice."""
    lines, options = case_lines(case, number), speak_options(case, small)
    takes: list[Take] = []

    def speak_all() -> None:
        pipeline._text.forget_texts()
        takes[:] = pipeline.speak(lines, options)

    reset_peak()
    try:
        with endless(pipeline):
            took = seconds(speak_all, repeats=1, warm_up=int(case.again))
    except Exception as error:  # whatever it fails with is the figure
        pipeline.release()
        return Outcome(0.0, [], peak_reserved_gib(), [], {}, error=f"{type(error).__name__}: {error}")
    codes = [[part.tolist() for part in take.codes] for take in takes]
    stages = {stage: round(value, 4) for stage, value in pipeline.report().seconds.items()}
    ran = pipeline.report()
    return Outcome(took, codes, peak_reserved_gib(), ran.cuts, stages, ran.flow_schedule)


def case_lines(case: Case, number: int) -> list[Line]:
    lines = lines_of(case.lines, min(case.lines, 4))
    if case.new_voice:
        voice = Voice("New", Audio(tone(301.0 + 10 * number, 15.0, 22050), 22050))
        return [Line(0, voice.name, lines[0].text, 1, voice, seed=lines[0].seed)]
    return lines


def speak_options(case: Case, small: bool) -> SpeakOptions:
    codes = round(case.seconds * (2 if small else V2_0.codes_per_second))
    return SpeakOptions(max_codes=codes, num_beams=case.beams, flow_solver=case.solver)


def reset_peak() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_reserved_gib() -> float:
    return torch.cuda.max_memory_reserved() / GIB if torch.cuda.is_available() else 0.0


def report(card: Card, name: str, outcome: Outcome, free: Outcome) -> None:
    error = outcome.error or free.error
    if not error and card.gib is not None and outcome.peak_reserved_gib > card.gib:
        error = "reserved more than there was"
    if not error and not CASES[name].new_voice and outcome.codes != free.codes:
        error = f"{count_others(outcome.codes, free.codes)} of {len(free.codes)} lines said other codes"
    about = {"toggles": "full acceleration", "free_gib": card.gib, "unlimited_s": round(free.took, 4)}
    more = {"cuts": outcome.cuts, "stages": outcome.stages, "schedule": outcome.schedule}
    more |= {"error": error} if error else {}
    peak, took = round(outcome.peak_reserved_gib, 3), 0.0 if error else outcome.took
    emit_case(f"{card.name}-{name}", took, "s", **about, peak_reserved_gib=peak, **more)
    if card.ratio and name == DIALOGUE and not error:
        emit_case(f"{card.name}-ratio", outcome.took / free.took, "times", **about)


def count_others(codes: Sequence[object], expected: Sequence[object]) -> int:
    return sum(mine != other for mine, other in zip(codes, expected, strict=True))


def emit_case(case: str, value: float, unit: str, **more: object) -> None:
    emit("fits", case, value, unit, "float16" if torch.cuda.is_available() else "float32", **more)


if __name__ == "__main__":
    main()

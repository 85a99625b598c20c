"""Which schedule the flow is solved by: what the options say, and for `auto` what was measured on this checkpoint.

A checkpoint is measured once, at its first line, and what came of it is kept in the cache folder, or comes with the
checkpoint as `flow_calibration.json`; from then on the choice is the same on every device and in every run. Measured
are conditions drawn from a fixed seed, so that no audio is needed and nobody's first line decides: codes at random, the
styles of the checkpoint's own speaker matrix, as prompts mels that the flow has made of such codes. They change faster
than speech, which is harder for long steps: on the demonstration voice 9, 10 and 12 steps come to 0.90, 0.68 and 0.46
of the distance of 25 Euler steps there, to 0.81, 0.64 and 0.38 on speech, where 9 steps are nearer in eleven sentences
of twelve.

Dimensions: T codes, F mel frames.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..runtime.cache_folder import cache_folder, write_whole
from ..s2mel.calibration import (
    DRAFT_STEPS,
    FAST_STEPS,
    FlowCalibration,
    MeasuredSchedule,
    calibrate_flow,
    count_most_steps,
    multistep_schedule,
)
from ..s2mel.model import FlowLine
from ..s2mel.solver import REFERENCE_STEPS, FlowSchedule, uniform_schedule
from .errors import CalibrationError
from .events import CALIBRATION, Event, OnEvent, ignore_event
from .loading.find import CheckpointFiles
from .loading.identity import weights_identity
from .loading.models import Models
from .model_version import FRAMES_PER_FEATURE
from .options import SpeakOptions

log = logging.getLogger(__name__)

VERSION = 1
"""Of the way of measuring; what another one found is not used."""
BESIDE_MODEL = "flow_calibration.json"
MOST_BYTES = 2**16
SEED, LINES, FEATURES = 1, 2, 50
"""Prompts are as long as what is spoken behind them."""


@dataclass(frozen=True)
class ChosenSchedule:
    """A schedule, and what a report says of it."""

    schedule: FlowSchedule
    description: str


class FlowScheduler:
    """Of one pipeline: what its runs solve the flow by. The weights are those that `files` hold now, whatever takes
    their place later."""

    def __init__(self, modules: Models, files: CheckpointFiles) -> None:
        self._modules, self._files, self._weights = modules, files, flow_identity(files)
        self._measured: dict[float, FlowCalibration] = {}

    def choose(self, options: SpeakOptions, on_event: OnEvent = ignore_event, graphs: bool = False) -> ChosenSchedule:
        """The schedule of a run; the checkpoint is measured first where that is due. The generators must be on the
        device. graphs: whether CUDA graphs may be captured, which are dropped again. Raises `CalibrationError` where
        the flow's results are no numbers."""
        if not needs_calibration(options):
            return describe_schedule(options, None)
        known = self._measured.get(options.guidance) or find_calibration(
            self._files.folder, self._weights, options.guidance
        )
        if known is None:
            known = self._measured[options.guidance] = self._calibrate(options.guidance, on_event, graphs)
        return describe_schedule(options, known)

    def _calibrate(self, guidance: float, on_event: OnEvent, graphs: bool) -> FlowCalibration:
        most = FAST_STEPS + count_most_steps()

        def tell_steps(done: int) -> None:
            on_event(Event(CALIBRATION, done, most))

        tell_steps(0)
        try:
            lines = make_conditions(self._modules, tell_steps, graphs)
            found = calibrate_flow(
                self._modules.s2mel, lines, guidance, lambda done: tell_steps(FAST_STEPS + done), graphs
            )
        except FloatingPointError as error:
            raise CalibrationError(
                f"the flow cannot be calibrated: {error}, in {str(self._modules.s2mel.dtype).removeprefix('torch.')}; "
                f"expected finite mels. {self._files.s2mel} may be damaged (indextts2 doctor looks), or needs float32 "
                "(use_fp16 off); flow_solver=reference speaks without calibrating"
            ) from error
        finally:
            self._modules.s2mel.release_graphs()
        tell_steps(most)
        if self._weights is not None:
            _keep_calibration(calibration_key(self._weights, guidance), found)
        return found


def needs_calibration(options: SpeakOptions) -> bool:
    """Whether the run's schedule, or what is said of it, is measured: not the reference, nor a number of steps that
    the user chose."""
    return options.flow_solver != "reference" and not options.steps


def choose_schedule(options: SpeakOptions, calibration: FlowCalibration | None) -> FlowSchedule | None:
    """What the options say. A number of steps is Euler's, as it always was, where it is not another solver's. None
    where `auto` has to be measured first."""
    if options.flow_solver in ("fast", "draft"):
        usual = FAST_STEPS if options.flow_solver == "fast" else DRAFT_STEPS
        return multistep_schedule(options.steps or usual, options.guidance)
    if options.flow_solver == "auto" and not options.steps:
        return None if calibration is None else calibration.auto.schedule
    return uniform_schedule(options.steps or REFERENCE_STEPS, options.guidance)


def describe_schedule(options: SpeakOptions, calibration: FlowCalibration | None) -> ChosenSchedule:
    """The schedule, and how far it is from the converged solution where that was measured."""
    schedule = choose_schedule(options, calibration)
    assert schedule is not None, "auto is measured before it is described"
    words = f"flow: {schedule.description}"
    if calibration is None or not needs_calibration(options):
        return ChosenSchedule(schedule, words)
    measured = {"auto": calibration.auto, "fast": calibration.fast, "draft": calibration.draft}[options.flow_solver]
    distance, reference = (f"{100 * each.distance:.1f} %" for each in (measured, calibration.reference))
    words += f": {distance} from the converged solution"
    return ChosenSchedule(schedule, words + f", {REFERENCE_STEPS} Euler steps {reference}" * (schedule.order > 1))


def known_schedule(files: CheckpointFiles, options: SpeakOptions) -> FlowSchedule | None:
    """What a run would solve the flow by, without a model; None where it has to be measured first."""
    needed = needs_calibration(options)
    known = find_calibration(files.folder, flow_identity(files), options.guidance) if needed else None
    return choose_schedule(options, known)


def find_calibration(folder: Path, weights: str | None, guidance: float) -> FlowCalibration | None:
    """What came with the checkpoint, or was measured here; None where neither is there, or can be used. weights: as
    `flow_identity` says them."""
    if weights is None:
        return None
    key = calibration_key(weights, guidance)
    places = (folder / BESIDE_MODEL, cache_path(key))
    return next((found for place in places if (found := _read_calibration(place, key)) is not None), None)


def flow_identity(files: CheckpointFiles) -> str | None:
    """Of all weights that the measured conditions and their solutions are made from; None where a file is not there."""
    try:
        return weights_identity((files.s2mel, files.semantic_codec, files.speaker_matrix))
    except OSError:
        return None


def calibration_key(weights: str, guidance: float) -> str:
    """What a calibration is kept under."""
    return f"{VERSION}-{weights}-{guidance!r}"


def cache_path(key: str) -> Path:
    """Where what was measured waits for the next start."""
    return cache_folder() / "flow" / f"{key}.json"


def make_conditions(modules: Models, on_step: Callable[[int], None], graphs: bool = False) -> list[FlowLine]:
    """Fixed conditions of a checkpoint: see above. on_step: called with the flow steps done, `FAST_STEPS` in all."""
    generator = torch.Generator("cpu").manual_seed(SEED)
    s2mel, device = modules.s2mel, modules.s2mel.cfm.estimator.device

    codes = FEATURES // modules.version.features_per_code

    def draw_content(latents: bool) -> Tensor:
        """Content [T, 1024] of random codes; without latents as a prompt's, which the GPT has not written."""
        drawn = torch.randint(modules.config.semantic_codec.codebook_size, (codes,), generator=generator)
        content = modules.codec.embed_codes(drawn[None].to(device))[0].to(s2mel.dtype)
        if not (latents and modules.version.has_latents):
            return content
        written = torch.randn(codes, modules.config.gpt.model_dim, generator=generator)
        return s2mel.add_latents(content, written.to(device, s2mel.dtype))

    def regulate(content: Tensor) -> Tensor:
        regulated: Tensor = s2mel.length_regulator(content[None], int(len(content) * FRAMES_PER_FEATURE))
        return regulated[0]

    styles, bands = modules.emotions.styles, s2mel.cfm.estimator.bands
    alone = []
    for number in range(LINES):
        prompt, style = regulate(draw_content(False)), styles[number * len(styles) // LINES]
        alone.append(FlowLine(prompt[:0], prompt, torch.zeros(bands, 0, device=device), style.to(device), number))
    prompts = s2mel.generate_mels(alone, multistep_schedule(FAST_STEPS), on_step, graphs)
    return [
        FlowLine(line.condition, regulate(draw_content(True)), mel, line.style, LINES + line.seed)
        for line, mel in zip(alone, prompts, strict=True)
    ]


def format_calibration(key: str, calibration: FlowCalibration) -> str:
    """As a file holds it."""
    return json.dumps({"checkpoint": key, **asdict(calibration)}, indent=1) + "\n"


def parse_calibration(text: str, key: str) -> FlowCalibration | None:
    """None where it is another checkpoint's. Raises ValueError where it is no calibration."""
    found = json.loads(text)
    if not isinstance(found, dict) or not isinstance(found.get("checkpoint"), str):
        raise ValueError("it is no calibration of the flow")
    if found["checkpoint"] != key:
        return None
    try:
        return FlowCalibration(
            **{name: _parse_measured(value) for name, value in found.items() if name != "checkpoint"}
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"it is no calibration of the flow ({error})") from error


def _parse_measured(value: Mapping[str, Any]) -> MeasuredSchedule:
    fields = dict(value["schedule"])
    grid = tuple(float(time) for time in fields.pop("grid"))
    return MeasuredSchedule(FlowSchedule(grid, **fields), float(value["distance"]))


def _read_calibration(path: Path, key: str) -> FlowCalibration | None:
    """None where the file is not there, is another checkpoint's or, with a line in the log, is broken."""
    try:
        with path.open(encoding="utf-8") as file:
            return parse_calibration(file.read(MOST_BYTES), key)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        log.warning("%s is not used: %s; the flow is calibrated anew", path, error)
        return None


def _keep_calibration(key: str, calibration: FlowCalibration) -> None:
    try:
        write_whole(cache_path(key), format_calibration(key, calibration).encode())
    except OSError as error:
        log.warning("the flow's calibration is not kept (%s); the next start calibrates again", error)

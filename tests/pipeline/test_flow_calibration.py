"""The flow is calibrated once for a checkpoint: what is measured, chosen, kept, and what of a file is believed."""

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers.s2mel import line, small_model
from hypothesis import given, settings
from hypothesis import strategies as st
from indextts2_multitalk.indextts import flow_calibration
from indextts2_multitalk.indextts.errors import CalibrationError
from indextts2_multitalk.indextts.events import CALIBRATION, Event
from indextts2_multitalk.indextts.loading import identity
from indextts2_multitalk.indextts.options import FLOW_SOLVERS, LoadOptions, SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.s2mel import calibration
from indextts2_multitalk.s2mel.calibration import FlowCalibration, MeasuredSchedule, calibrate_flow, multistep_schedule
from indextts2_multitalk.s2mel.solver import REFERENCE_SCHEDULE, FlowSchedule, uniform_schedule

KEY = "1-0123-0.7"
QUICK = (6, 2, (3, 4))
"""Steps of the converged solution, of a draft and of the candidates: what is measured at full length is not tested."""


def measured(auto: float = 0.009, reference: float = 0.015) -> FlowCalibration:
    nine = multistep_schedule(9)
    return FlowCalibration(
        MeasuredSchedule(nine, auto),
        MeasuredSchedule(REFERENCE_SCHEDULE, reference),
        MeasuredSchedule(nine, auto),
        MeasuredSchedule(multistep_schedule(6), 0.03),
    )


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    converged, draft, candidates = QUICK
    monkeypatch.setattr(calibration, "CONVERGED_STEPS", converged)
    monkeypatch.setattr(calibration, "DRAFT_STEPS", draft)
    monkeypatch.setattr(calibration, "CANDIDATE_STEPS", candidates)
    monkeypatch.setattr(calibration, "FAST_STEPS", candidates[0])


@pytest.fixture
def speaking(released_folder: Path, quick: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Pipeline:
    """A model that has not been calibrated; its cache folder is the test's own."""
    monkeypatch.setenv("INDEXTTS2_CACHE", str(tmp_path))
    return Pipeline.load(released_folder, LoadOptions(device="cpu"))


class Distances:
    """Stands in for the model: a mel whose distance from the converged one is given for each number of steps."""

    def __init__(self, by_steps: dict[int, float], broken: int = 0) -> None:
        self._by_steps, self._broken = by_steps, broken
        self.solved: list[int] = []

    def generate_mels(self, lines, schedule, on_step, graphs):
        self.solved.append(schedule.steps)
        off = torch.nan if schedule.steps == self._broken else self._by_steps.get(schedule.steps, 1.0)
        return [torch.tensor([[3.0, 4.0 + 5.0 * off]])]


def test_the_cheapest_that_is_near_enough_is_taken():
    near = {32: 0.0, 25: 0.02, 9: 0.03, 10: 0.021, 12: 0.019, 14: 0.01}
    found = calibrate_flow(model := Distances(near), [])
    assert (found.auto.schedule.steps, found.auto.schedule.order) == (12, 2)
    assert found.auto.distance == pytest.approx(0.019, abs=1e-5)
    assert found.reference == MeasuredSchedule(REFERENCE_SCHEDULE, pytest.approx(0.02, abs=1e-5))
    assert 14 not in model.solved
    assert calibrate_flow(Distances({32: 0.0, 25: 0.02}), []).auto.schedule == REFERENCE_SCHEDULE


@pytest.mark.parametrize("broken", [32, 25, 9])
def test_mels_that_are_no_numbers_are_refused(broken):
    with pytest.raises(FloatingPointError, match=f"not finite after {broken} steps"):
        calibrate_flow(Distances({32: 0.0, 25: 0.02}, broken), [])


@torch.inference_mode()
def test_distances_of_a_real_model_fall(quick):
    """On seeded weights, whose velocity is rough."""
    lines, model = [line("a", 11, 37, seed=1), line("b", 5, 20, seed=2)], small_model()
    converged = model.generate_mels(lines, multistep_schedule(64))
    distances = [
        calibration.mean_distance(model.generate_mels(lines, uniform_schedule(steps)), converged) for steps in (8, 32)
    ]
    assert distances[1] < distances[0] / 2


def test_one_run_measures_and_all_others_know(speaking, lines, monkeypatch, tmp_path):
    told: list[Event] = []
    options = SpeakOptions(max_codes=8)
    takes = list(speaking.speak(lines[:1], options, told.append))
    steps = [event for event in told if event.stage == CALIBRATION]
    assert [event.done for event in steps] == sorted(event.done for event in steps)
    assert steps[0].done == 0
    assert steps[-1].done == steps[-1].total
    kept = list((tmp_path / "flow").iterdir())
    assert len(kept) == 1
    assert "flow: " in speaking.report().to_text()
    assert " % from the converged solution" in speaking.report().to_text()

    monkeypatch.setattr(flow_calibration, "calibrate_flow", None)
    again = Pipeline(speaking.modules, speaking._flow._files, LoadOptions(device="cpu"))
    (take,) = again.speak(lines[:1], options, told.append)
    assert torch.equal(take.waveform, takes[0].waveform)
    known = flow_calibration.known_schedule(speaking._flow._files, options)
    assert known is not None
    assert again.report().flow_schedule.startswith(f"flow: {known.description}")


def test_weights_that_take_a_files_place_are_not_those_in_memory(speaking, lines, tmp_path, released_folder):
    """What a loaded model is measured to be is kept for the weights it was loaded from."""
    files = speaking._flow._files
    moved = tmp_path / "s2mel.pth"
    shutil.copy(files.s2mel, moved)
    pipeline = Pipeline(speaking.modules, replace(files, s2mel=moved), LoadOptions(device="cpu"))
    with moved.open("ab") as file:
        file.write(b"other weights")
    list(pipeline.speak(lines[:1], SpeakOptions(max_codes=8)))
    assert flow_calibration.known_schedule(replace(files, s2mel=moved), SpeakOptions()) is None
    assert flow_calibration.known_schedule(files, SpeakOptions()) is not None


def test_a_cancelled_calibration_keeps_nothing(speaking, lines, tmp_path):
    class Cancelled(BaseException):
        pass

    def cancel(event: Event) -> None:
        if event.stage == CALIBRATION and event.done > 30:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(speaking.speak(lines[:1], SpeakOptions(max_codes=8), cancel))
    assert not (tmp_path / "flow").exists()
    assert len(list(speaking.speak(lines[:1], SpeakOptions(max_codes=8)))) == 1


def test_a_flow_that_gives_no_numbers_is_named(speaking, lines, monkeypatch, tmp_path):
    def fail(*given: object) -> None:
        raise FloatingPointError("got mel frames that are not finite after 48 steps, AB2/3")

    monkeypatch.setattr(flow_calibration, "calibrate_flow", fail)
    with pytest.raises(CalibrationError, match=r"48 steps, AB2/3, in float32; expected .* flow_solver=reference"):
        list(speaking.speak(lines[:1], SpeakOptions(max_codes=8)))
    assert not (tmp_path / "flow").exists()
    assert len(list(speaking.speak(lines[:1], SpeakOptions(max_codes=8, flow_solver="reference")))) == 1
    assert speaking.report().flow_schedule == "flow: 25 steps, Euler"


schedules = st.builds(multistep_schedule, st.integers(1, 30), st.floats(-2, 2), st.floats(-0.9, 0.0)) | st.builds(
    uniform_schedule, st.integers(1, 30)
)
calibrations = st.builds(FlowCalibration, *[st.builds(MeasuredSchedule, schedules, st.floats(0, 1))] * 4)


@settings(max_examples=50)
@given(calibrations)
def test_what_is_kept_comes_back(found):
    text = flow_calibration.format_calibration(KEY, found)
    assert flow_calibration.parse_calibration(text, KEY) == found
    assert flow_calibration.parse_calibration(text, "1-0124-0.7") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "[" * 60_000,
        '{"checkpoint": 3}',
        json.dumps({"checkpoint": KEY}),
        json.dumps({"checkpoint": KEY} | {"auto": {"schedule": 1}}),
        flow_calibration.format_calibration(KEY, measured()).replace("0.575,", '"x",'),
        flow_calibration.format_calibration(KEY, measured()).replace("0.575,", "NaN,"),
        flow_calibration.format_calibration(KEY, measured()).replace('"order": 2', '"order": 7'),
        flow_calibration.format_calibration(KEY, measured()).replace('"third"', '"fourth"'),
    ],
)
def test_a_broken_file_is_ignored_with_one_line(text, tmp_path, caplog):
    path = tmp_path / "kept.json"
    path.write_text(text, encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        assert flow_calibration._read_calibration(path, KEY) is None
    assert len(caplog.records) == 1
    assert "the flow is calibrated anew" in caplog.text


def test_options_say_what_is_solved():
    found = measured()

    def chosen(**given: object) -> FlowSchedule | None:
        return flow_calibration.choose_schedule(SpeakOptions(**given), found)

    assert chosen() == chosen(flow_solver="fast") == multistep_schedule(9)
    assert chosen(flow_solver="draft") == multistep_schedule(6)
    assert chosen(flow_solver="reference") == REFERENCE_SCHEDULE
    for solver in ("auto", "reference"):
        assert chosen(flow_solver=solver, steps=7) == uniform_schedule(7), "a number of steps is Euler's, as it was"
    for solver in ("fast", "draft"):
        assert chosen(flow_solver=solver, steps=7, guidance=0.5) == multistep_schedule(7, 0.5)
    assert flow_calibration.choose_schedule(SpeakOptions(), None) is None


def test_a_report_says_how_exact_it_is():
    def described(**given: object) -> str:
        return flow_calibration.describe_schedule(SpeakOptions(**given), measured()).description

    assert described() == "flow: 9 steps, AB2/3: 0.9 % from the converged solution, 25 Euler steps 1.5 %"
    assert described(flow_solver="draft").startswith("flow: 6 steps, AB2/3: 3.0 % from")
    assert described(steps=1) == "flow: 1 step, Euler"
    found = replace(measured(), auto=measured().reference)
    words = flow_calibration.describe_schedule(SpeakOptions(), found).description
    assert words == "flow: 25 steps, Euler: 1.5 % from the converged solution"


@pytest.mark.parametrize("given", [{"flow_solver": "best"}, {"steps": -1}, {"steps": 1001}])
def test_options_out_of_range_are_refused(given):
    with pytest.raises(ValueError, match=f"{next(iter(given))}: got"):
        SpeakOptions(**given)
    assert SpeakOptions().flow_solver in FLOW_SOLVERS


def test_weights_are_known_wherever_they_lie(tmp_path, monkeypatch):
    monkeypatch.setattr(identity, "WHOLE_BYTES", 1 << 10)
    monkeypatch.setattr(identity, "END_BYTES", 1 << 8)
    monkeypatch.setattr(identity, "BLOCK_BYTES", 64)
    data = bytearray(torch.arange(5000, dtype=torch.int64).view(torch.uint8).tolist())
    one, other = tmp_path / "one.pth", tmp_path / "other.safetensors"
    for size in (700, len(data)):
        one.write_bytes(data[:size])
        other.write_bytes(data[:size])
        same = identity.weights_identity([one])
        assert same == identity.weights_identity([other])
        assert same != identity.weights_identity([one, other])
        for place in (3, size // 64 * 32 + 1, size - 1):
            changed = data[:size]
            for near in range(place, min(size, place + 128)):
                changed[near] ^= 1
            other.write_bytes(changed)
            assert same != identity.weights_identity([other]), (size, place)
    with pytest.raises(OSError, match="not there"):
        identity.weights_identity([tmp_path / "not there"])

"""A run's events as one share that never falls, and in words; the clock is wound by hand."""

import pytest
import torch
from indextts2_multitalk.indextts.events import KERNELS, LOADING, STAGE_WORDS, Event, RunView, count_segments
from indextts2_multitalk.indextts.records import Line
from indextts2_multitalk.indextts.work_meter import WorkMeter, meter_calls

LINES = [Line(0, "Anna", "One."), Line(1, "Ben", "Two.")]
RUN = [stage for stage in STAGE_WORDS if stage not in (LOADING, KERNELS)]


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_whole_run_comes_to_one() -> None:
    view, shares = RunView(LINES), []
    for stage in (LOADING, *RUN):
        for done in range(5):
            view.follow(Event(stage, done, 4))
            shares.append(view.share)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


def test_loading_counts_only_where_it_is() -> None:
    view = RunView(LINES)
    for stage in RUN:
        view.follow(Event(stage, 1, 1))
    assert view.share == pytest.approx(1.0)


def test_the_share_never_falls() -> None:
    view = RunView(LINES)
    view.follow(Event("gpt", 90, 100))
    before = view.share
    view.follow(Event("gpt", 91, 400))
    view.follow(Event(KERNELS, 0, 10, detail="a GPU"))
    assert view.share == before


def test_words_name_line_speaker_and_speed() -> None:
    clock = Clock()
    view = RunView(LINES, clock)
    assert view.describe_last() == ""
    view.follow(Event("conditioning", 1, 2, 1))
    assert view.describe_last() == "hearing the voices: 50 %, line 2, Ben"
    view.follow(Event("gpt", 0, 300))
    clock.seconds = 2.0
    view.follow(Event("gpt", 240, 300))
    assert view.describe_last() == "speech codes: 240 of about 300, 120 a second"
    view.follow(Event("s2mel", 0.5, 2, 0))
    assert view.describe_last() == "flow: 25 %, line 1, Anna"
    view.follow(Event(LOADING, 2, 8, detail="gpt.pth"))
    assert view.describe_last() == "loading the model: 25 %, gpt.pth"


def test_a_batchs_events_are_told_as_those_of_the_run() -> None:
    told: list[Event] = []
    count_segments(told.append, 8, 20)(Event("s2mel", 1.5, 4, 3))
    assert told == [Event("s2mel", 9.5, 20, 3)]


def test_units_and_what_lies_inside_of_them() -> None:
    shares: list[float] = []
    meter = WorkMeter(shares.append, 2)
    meter.count_call()
    meter.count_call()
    meter.finish_units(1)
    meter.count_call()
    meter.finish_units(2)
    assert shares == [0.0, 0.0, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(("device", "calls"), [("cpu", [1 / 3, 2 / 3, 1.0]), ("cuda", [])])
def test_modules_are_counted_on_a_cpu_only(device: str, calls: list[float]) -> None:
    shares: list[float] = []
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Linear(2, 2)))
    with meter_calls(WorkMeter(shares.append), torch.device(device), model):
        model(torch.zeros(1, 2))
    assert shares == pytest.approx(calls)
    model(torch.zeros(1, 2))
    assert len(shares) == len(calls)

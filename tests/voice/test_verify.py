"""`verify` on the demonstration voice: planted faults are found, and a line that lost its words is spoken again."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from helpers.planted_faults import FaultPlanter
from indextts2_multitalk.indextts.options import SpeakOptions
from indextts2_multitalk.indextts.records import Line, Take
from indextts2_multitalk.indextts.verify.comparison import Hearing
from indextts2_multitalk.indextts.verify.loop import hear_samples, speak_verified
from indextts2_multitalk.indextts.verify.sphinx import PocketSphinx
from indextts2_multitalk.training.recognise import words_of

EVERY = 3
"""Faults are planted in every third word of eight takes."""


@pytest.fixture(scope="module")
def sphinx() -> PocketSphinx:
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    recognizer = PocketSphinx()
    recognizer.load()
    return recognizer


@pytest.fixture(scope="module")
def hear(sphinx: PocketSphinx) -> Callable[[np.ndarray, str], Hearing]:
    def heard(samples: np.ndarray, text: str) -> Hearing:
        hearing = hear_samples(samples, text, sphinx, "en")
        assert hearing is not None
        return hearing

    return heard


def test_planted_faults_are_found(sayings: list[Any], hear: Callable[[np.ndarray, str], Hearing]) -> None:
    """Few takes, so bounds are wide: `benchmarks/verify.py` measures."""
    planter = FaultPlanter()
    hearings = [hear(saying.wav16, saying.text) for saying in sayings]
    good = [saying for saying, hearing in zip(sayings, hearings, strict=True) if hearing.is_complete]
    assert len(good) >= len(sayings) - 1, hearings
    faults = [
        (saying.text, fault)
        for saying in good
        for fault in planter.plant_faults(saying.wav16, words_of(saying.text), EVERY, 1)
    ]
    assert len(faults) >= 20
    missed = [(fault.kind, fault.word, text) for text, fault in faults if hear(fault.samples, text).is_complete]
    assert len(missed) <= 0.15 * len(faults), missed


class ClippedPipeline:
    """The demonstration voice, whose first takes all end after their first word."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline, self.spoken = pipeline, 0

    def speak(self, lines: list[Line], options: SpeakOptions, on_event: Any) -> Any:
        for take in self._pipeline.speak(lines, options, on_event):
            self.spoken += 1
            first = self.spoken <= 2
            yield replace(take, waveform=take.waveform[:, : take.waveform.shape[1] // 2]) if first else take

    def report(self) -> Any:
        return self._pipeline.report()

    def keep_report(self, report: Any) -> None:
        self._pipeline.keep_report(report)


def test_a_line_that_lost_words_is_spoken_again(
    pipeline: Any, references: dict[str, Any], sayings: list[Any], sphinx: PocketSphinx
) -> None:
    lines = [Line(i, name, sayings[i].text, i + 1, references[name], seed=i) for i, name in enumerate(["anna", "ben"])]
    clipped = ClippedPipeline(pipeline)
    options = SpeakOptions(verify=True, num_beams=1, steps=8)
    takes: list[Take] = list(speak_verified(clipped, lines, options, {"en": sphinx}))  # type: ignore[arg-type]
    assert clipped.spoken >= 4
    assert {take.line.index for take in takes} == {0, 1}
    assert all(take.line.seed != lines[take.line.index].seed for take in takes)
    report = pipeline.report().to_text()
    assert "heard by pocketsphinx: 2 of 2 lines as written, 2 spoken again" in report
    assert all(isinstance(take.waveform, torch.Tensor) for take in takes)

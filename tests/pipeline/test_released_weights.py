"""The released model from its own files: all of it loads, and `use_accel` on and off say the same codes.

INDEXTTS_WEIGHTS=FOLDER pytest -m weights    the folder of a whole model, released or in the released layout
"""

import os
from pathlib import Path

import pytest
import torch
from indextts2_multitalk.indextts.audio_file import read_audio
from indextts2_multitalk.indextts.loading.layouts import DEMO_FOLDER
from indextts2_multitalk.indextts.options import LoadOptions, SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import Line, Take, Voice

FOLDER = os.environ.get("INDEXTTS_WEIGHTS", "")

pytestmark = [pytest.mark.weights, pytest.mark.skipif(not FOLDER, reason="INDEXTTS_WEIGHTS names no model folder")]


def speak(use_accel: bool) -> Take:
    pipeline = Pipeline.load(Path(FOLDER), LoadOptions(use_accel=use_accel))
    voice = Voice("Anna", read_audio(DEMO_FOLDER / "voices" / "anna.flac"))
    line = Line(0, "Anna", "Good morning, everyone.", seed=1, voice=voice)
    (take,) = pipeline.speak([line], SpeakOptions(max_codes=50, steps=5))
    return take


def test_the_released_model_loads_and_speaks() -> None:
    on, off = speak(True), speak(False)
    assert on.waveform.isfinite().all()
    assert on.waveform.abs().max() > 0.01
    assert [codes.tolist() for codes in on.codes] == [codes.tolist() for codes in off.codes]
    torch.testing.assert_close(on.waveform, off.waveform, atol=1e-3, rtol=0)

"""On a GPU, a run waits for no kernel that its rehearsal has not made ready: all it launches is known before."""

import threading
from collections import Counter
from pathlib import Path

import pytest
import torch
from helpers.tones import tone
from indextts2_multitalk.indextts.options import LoadOptions, SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import Audio, Line, Voice

DEMO = Path(__file__).parents[2] / "checkpoints" / "demo"
CODES = 60

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    options = LoadOptions("cuda", use_fp16=True, use_accel=True, use_torch_compile=False, use_cuda_kernel=True)
    return Pipeline.load(DEMO, options)


@pytest.mark.parametrize(("lines", "beams"), [(1, 1), (1, 3), (3, 1), (16, 1), (4, 3)])
def test_a_run_launches_what_was_rehearsed(pipeline: Pipeline, lines: int, beams: int, monkeypatch, tmp_path) -> None:
    knobs = pytest.importorskip("triton.knobs")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    waited, aside = Counter(), Counter()

    def count(*, src, **_) -> None:
        (waited if threading.current_thread() is threading.main_thread() else aside).update([src.name])

    monkeypatch.setattr(knobs.compilation, "listener", count)
    voice = Voice("Anna", Audio(tone(150.0, 4.0, 22050), 22050))
    script = [Line(n, "Anna", f"This is line number {n} of a few.", n, voice) for n in range(lines)]
    takes = list(pipeline.speak(script, SpeakOptions(max_codes=CODES, num_beams=beams)))
    assert len(takes) == lines and all(bool(take.waveform.isfinite().all()) for take in takes)
    assert not waited, f"compiled where they were launched: {dict(waited)}; aside: {dict(aside)}"
    assert "engine, attention triton" in pipeline.report().decoder

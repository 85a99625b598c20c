"""Tuning writes the table that later starts use; where there is nothing to tune, it says so before any work."""

from pathlib import Path

import pytest
import torch
from helpers.cards import H200, RTX_4090
from indextts2_multitalk.indextts import tuning
from indextts2_multitalk.indextts.errors import ConfigError
from indextts2_multitalk.indextts.loading.layouts import DEMO_FOLDER
from indextts2_multitalk.indextts.options import LoadOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.tuning import has_tuned_shapes
from indextts2_multitalk.runtime.card import card_of
from indextts2_multitalk.runtime.kernel_shapes import forget_tables
from indextts2_multitalk.runtime.shape_tables import describe_shapes, save_tuned


@pytest.fixture(autouse=True)
def _an_empty_cache(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("INDEXTTS2_CACHE", str(tmp_path))
    forget_tables()
    yield
    forget_tables()


def test_a_cpu_has_nothing_to_tune(pipeline):
    with pytest.raises(ConfigError, match=r"tune: .*cpu"):
        pipeline.tune()


def test_a_table_is_for_models_of_its_width_and_precision():
    pytest.importorskip("triton")
    device = torch.device("cpu")
    save_tuned(card_of(device), {"GEMV": {"inputs=1280 outputs=1280 rows=1 weight_bytes=2 half=True": {"warps": 1}}})
    forget_tables()
    tuned = [(width, size) for width in (128, 1280) for size in (1, 2) if has_tuned_shapes(device, width, size)]
    assert tuned == [(1280, 2)]


def test_where_shapes_come_from_is_said_in_words():
    pytest.importorskip("triton")
    assert "measured on an NVIDIA H200" in describe_shapes(H200)
    assert "by rule" in describe_shapes(RTX_4090)
    save_tuned(RTX_4090, {"draw": {"vocabulary=8194": {"warps": 4}}})
    forget_tables()
    assert "tuned on this card, in " in describe_shapes(RTX_4090)


def test_steps_that_run_without_kernels_are_left_out(pipeline):
    options = LoadOptions(use_accel=False, use_cuda_kernel=False)
    assert tuning._list_steps(pipeline.modules, options) == []


def test_a_report_says_what_was_gained_and_where_it_lies():
    report = tuning.TuningReport("a GPU", Path("table.json"), {"flow step": (2e-3, 1e-3)}, tried=9, failed=2, left=1)
    words = str(report)
    for part in (
        "9 kernel shapes",
        "a GPU",
        "2 do not run",
        "1 left out",
        "flow step: 2.000 -> 1.000 ms",
        "table.json",
    ):
        assert part in words


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_card_is_tuned_and_has_a_table_then():
    shares: list[float] = []
    pipeline = Pipeline.load(DEMO_FOLDER, LoadOptions(use_fp16=True))
    report = tuning.tune_models(pipeline.modules, pipeline.options, lambda share, what: shares.append(share), 40)
    assert shares == sorted(shares)
    assert report.tried > 0 and "flow step" in report.seconds and "vocoder" in report.seconds
    assert all(new <= 1.05 * old for old, new in report.seconds.values()), str(report)
    assert has_tuned_shapes(pipeline.device, pipeline.modules.config.gpt.model_dim, 2)

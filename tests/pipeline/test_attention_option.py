"""The `attention` option: what the engine runs on, refused before work starts where it cannot run."""

import pytest
from indextts2_multitalk.accel.attention import ATTENTION_NAMES
from indextts2_multitalk.indextts.errors import ConfigError
from indextts2_multitalk.indextts.loading.find import find_checkpoint
from indextts2_multitalk.indextts.options import ATTENTION_CHOICES, LoadOptions
from indextts2_multitalk.indextts.pipeline import Pipeline

REFUSED = "attention triton does not run.*it needs a CUDA device"


def test_users_choose_among_the_engines_backends():
    assert ATTENTION_CHOICES == ATTENTION_NAMES


def test_the_engine_runs_on_it(pipeline, released_folder, lines, options, codes):
    named = Pipeline.load(released_folder, LoadOptions(device="cpu", attention="sdpa"))
    assert codes(named.speak(lines[:1], options)) == codes(pipeline.speak(lines[:1], options))
    assert "attention sdpa (asked for by name)" in named.report().decoder


def test_refused_before_anything_is_read(released_folder, monkeypatch):
    monkeypatch.setattr("indextts2_multitalk.indextts.pipeline.load_models", None)
    with pytest.raises(ConfigError, match=REFUSED):
        Pipeline.load(released_folder, LoadOptions(device="cpu", attention="triton"))


def test_refused_by_loaded_models_before_a_line_is_read(pipeline, released_folder, lines, options):
    files = find_checkpoint([released_folder])
    loaded = Pipeline(pipeline.modules, files, LoadOptions(device="cpu", attention="triton"))
    with pytest.raises(ConfigError, match=REFUSED):
        next(loaded.speak(lines, options))
    assert loaded.report().seconds["text"] == 0


def test_without_the_engine_it_has_no_say(released_folder, lines, options):
    plain = Pipeline.load(released_folder, LoadOptions(device="cpu", use_accel=False, attention="flash"))
    assert len(list(plain.speak(lines[:1], options))) == 1
    assert "use_accel is off; attention flash not used" in plain.report().to_text()

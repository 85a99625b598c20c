"""The `quantize` option: 8 bits end to end where they gain, refused before work starts where they do not."""

import pytest
import torch
from indextts2_multitalk.indextts.errors import ConfigError
from indextts2_multitalk.indextts.loading import placement
from indextts2_multitalk.indextts.options import LoadOptions
from indextts2_multitalk.indextts.pipeline import Pipeline


@pytest.mark.parametrize(
    ("quantize", "words"), [("int8", "gains nothing on a CPU without VNNI"), ("int4", "expected one of none, int8")]
)
def test_refused_before_anything_is_read(released_folder, monkeypatch, quantize, words):
    monkeypatch.setattr("indextts2_multitalk.indextts.loading.models.read_state_dict", None)
    monkeypatch.setattr(placement, "multiplies_int8", lambda: False)
    with pytest.raises(ConfigError, match=words):
        Pipeline.load(released_folder, LoadOptions(device="cpu", quantize=quantize))


@pytest.mark.parametrize("low_memory", [False, True])
def test_a_line_is_spoken_and_the_report_says_so(released_folder, lines, options, monkeypatch, low_memory):
    monkeypatch.setattr(placement, "why_no_int8", lambda device: None)
    pipeline = Pipeline.load(released_folder, LoadOptions(device="cpu", quantize="int8", low_memory=low_memory))
    (take,) = pipeline.speak(lines[:1], options)
    assert torch.isfinite(take.waveform).all()
    assert pipeline.modules.gpt.gpt.h[0].attn.c_attn.weight.dtype is torch.int8
    assert "int8 for the GPT's layers" in pipeline.report().to_text()
